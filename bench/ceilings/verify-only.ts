import { closeOnSigterm, receive } from '../peers/receiver.ts'

// Ceiling (c): a route that verifies the signature and parses the body, and keeps nothing.

const app = await receive(async () => {})
closeOnSigterm(() => app.close())
