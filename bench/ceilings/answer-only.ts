import { createServer } from 'node:http'
import { closeOnSigterm } from '../peers/receiver.ts'

// What the load generator itself can do: a server that reads a body and answers, and does nothing else.

const server = createServer((request, response) => {
  request.resume().once('end', () => {
    response.setHeader('content-length', 2).end('ok')
  })
})
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening at the port'))
closeOnSigterm(async () => {
  server.closeAllConnections()
  server.close()
})
