import { createServer as createHttp } from 'node:http'
import { createServer as createTcp } from 'node:net'

// A stand-in for Mailpit: takes mail on port 1025 and reports on port 8025 how many it has.

let mails = 0
const smtp = createTcp((socket) => {
  let inData = false
  let text = ''
  socket.write('220 mailpit ESMTP\r\n')
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    text += chunk
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
      const line = text.slice(0, end)
      text = text.slice(end + 2)
      if (inData) {
        if (line !== '.') continue
        inData = false
        mails++
        socket.write('250 taken\r\n')
      } else if (/^data/i.test(line)) {
        inData = true
        socket.write('354 go on\r\n')
      } else if (/^quit/i.test(line)) socket.end('221 bye\r\n')
      else socket.write('250 ok\r\n')
    }
  })
}).listen(1025)
const http = createHttp((_request, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ total: mails }))
}).listen(8025)
process.on('SIGTERM', () => {
  smtp.close()
  http.close()
  process.exit(0)
})
