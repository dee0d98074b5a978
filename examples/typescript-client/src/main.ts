/**
 * Saves a customer, follows its enrichment and lists customers, by urql with generated types:
 * `API=http://127.0.0.1:8000 TOKEN=… ./run`. The token needs the permission customers:write.
 */
import { randomUUID } from 'node:crypto'
import { Client, fetchExchange, subscriptionExchange, type ExecutionResult } from '@urql/core'
import { createClient as createSocket } from 'graphql-ws'
import { WebSocket } from 'ws'
import {
  CustomerDocument,
  CustomerEnrichedDocument,
  CustomersDocument,
  SaveCustomerDocument,
  ViewerDocument,
  type EnrichedCustomerFragment,
  type EnrichmentStatus,
  type SaveCustomerInput,
  type SaveCustomerMutation,
} from './generated/graphql.js'

const UNDER_WAY: readonly EnrichmentStatus[] = ['PENDING', 'RUNNING', 'RETRYING']
const WAIT_MS = 60_000
const PAGE = 50

type Saved = NonNullable<SaveCustomerMutation['saveCustomer']>

const api = (process.env.API ?? '').replace(/\/$/, '')
const authorization = `Bearer ${process.env.TOKEN ?? ''}`
const socket = createSocket({
  url: `${api.replace(/^http/, 'ws')}/graphql`,
  connectionParams: { Authorization: authorization },
  webSocketImpl: WebSocket,
})
const client = new Client({
  url: `${api}/graphql`,
  preferGetMethod: false,
  fetchOptions: { headers: { Authorization: authorization } },
  exchanges: [
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({
          unsubscribe: socket.subscribe(
            { ...request, query: request.query ?? '' },
            { ...sink, next: (result) => sink.next(result as ExecutionResult) },
          ),
        }),
      }),
    }),
  ],
})

/** Save a customer; after a lost connection, call this again with the same key. */
async function save(input: SaveCustomerInput, key: string): Promise<Saved> {
  const { data, error } = await client.mutation(SaveCustomerDocument, { input, key })
  if (!data?.saveCustomer) throw error ?? new Error('There is no answer.')
  return data.saveCustomer
}

/** Print what a user can correct, each with the path of its field in the input. */
function printUserErrors({ userErrors }: Saved): void {
  for (const { path, message, code } of userErrors) {
    console.log(`${(path ?? []).join('.')}: ${message} (${code})`)
  }
}

/** Wait until the lookup at Companies House has ended: by subscription, or else by asking. */
async function follow({ id, enrichment }: NonNullable<Saved['customer']>): Promise<EnrichedCustomerFragment> {
  // With `since`, a lookup that ended before the subscription began is told too.
  const variables = { customerId: id, since: enrichment.requestedAt ?? null }
  const told = await new Promise<EnrichedCustomerFragment | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), WAIT_MS)
    const { unsubscribe } = client
      .subscription(CustomerEnrichedDocument, variables)
      .subscribe(({ data, error }) => {
        const customer = data?.customerEnriched
        if (customer && UNDER_WAY.includes(customer.enrichment.status)) return
        clearTimeout(timer)
        if (error) console.log(`No subscription (${error.message}), so the customer is asked for.`)
        resolve(customer ?? undefined)
        setTimeout(() => unsubscribe())
      })
  })
  for (let found = told; ; ) {
    if (found && !UNDER_WAY.includes(found.enrichment.status)) return found
    const { data, error } = await client.query(CustomerDocument, { id })
    if (!data?.customer) throw error ?? new Error('The customer is gone.')
    found = data.customer
    if (UNDER_WAY.includes(found.enrichment.status)) await new Promise((done) => setTimeout(done, 1_000))
  }
}

/** Read all customers, page by page. */
async function countCustomers(): Promise<number> {
  for (let count = 0, after: string | null = null; ; ) {
    const { data, error } = await client.query(CustomersDocument, { first: PAGE, after }).toPromise()
    if (!data?.customers) throw error ?? new Error('There is no answer.')
    count += data.customers.nodes.length
    if (!data.customers.pageInfo.hasNextPage) return count
    after = data.customers.pageInfo.endCursor ?? null
  }
}

async function main(): Promise<void> {
  const { data, error } = await client.query(ViewerDocument, {})
  if (error) throw error
  console.log(`Signed in as ${data?.viewer?.name ?? 'nobody'}`)

  const classCode = 'COMPANY_UK_LIMITED'
  printUserErrors(await save({ name: '', companyNumber: 'no number', classCode }, randomUUID()))

  const input = { name: 'Sandbox Beta Limited', companyNumber: '90000001', classCode }
  const key = randomUUID()
  const saved = await save(input, key)
  const again = await save(input, key)
  printUserErrors(saved)
  if (!saved.customer) throw new Error('The customer was not saved.')
  console.log(`Saved once: ${again.isReplayed && again.customer?.id === saved.customer.id}`)

  const customer = await follow(saved.customer)
  console.log(`Enriched: ${customer.enrichment.status}`)
  console.log(`Employees: ${customer.profile.employees?.value ?? 'unknown'}`)
  console.log(`Customers: ${await countCustomers()}`)
  await socket.dispose()
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
