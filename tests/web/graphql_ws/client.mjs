// Follows a subscription with the public client graphql-ws, and prints what happens as lines of JSON.
// Its settings are the defaults, but before it connects again it waits for a line on standard input.
import { createInterface } from 'node:readline'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'

const [url, query, variables, ...tokens] = process.argv.slice(2)
const say = (event, value = null) => console.log(JSON.stringify([event, value]))
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const nextToken = () => (tokens.length > 1 ? tokens.shift() : tokens[0])

const client = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: () => ({ Authorization: `Bearer ${nextToken()}` }),
  retryWait: async () => {
    say('retrying')
    await lines.next()
  },
  on: { connected: () => say('connected'), closed: (event) => say('closed', event.code) },
})
const end = (event, value) => {
  say(event, value)
  process.exit()
}
client.subscribe(
  { query, variables: JSON.parse(variables) },
  {
    next: (result) => say('next', result.data),
    error: (error) =>
      end('error', Array.isArray(error) ? error.map((one) => one.extensions.code) : error.code),
    complete: () => end('complete'),
  },
)
