/** The GraphQL client: a normalised cache, HTTP for queries and mutations, a WebSocket for subscriptions. */
import { cacheExchange, type UpdateResolver } from '@urql/exchange-graphcache'
import { createClient as createSocket } from 'graphql-ws'
import { Client, fetchExchange, mapExchange, subscriptionExchange, type ExecutionResult } from 'urql'
import { connections, forgetDerived, keys, possibleTypes, updates } from './generated/cache'

/** Create a client that sends `token`; `onRefused` is called when the API no longer accepts it. */
export function createApiClient(token: string, onRefused: () => void): Client {
  const authorization = `Bearer ${token}`
  const socket = createSocket({
    url: new URL('/graphql', location.href.replace(/^http/, 'ws')).href,
    connectionParams: { Authorization: authorization },
    lazyCloseTimeout: 5_000,
  })
  return new Client({
    url: '/graphql',
    preferGetMethod: false,
    // Pages show what the cache has at once, and what others have changed as soon as the API has answered.
    requestPolicy: 'cache-and-network',
    fetchOptions: { headers: { Authorization: authorization } },
    exchanges: [
      mapExchange({
        onError: (error) => {
          if (error.response?.status === 401) onRefused()
        },
      }),
      cacheExchange({
        keys,
        possibleTypes,
        // Other lists are shown page by page instead, with a way back.
        resolvers: { Query: { customerClasses: connections.Query.customerClasses } },
        updates: { Mutation: { ...updates.Mutation, ...listUpdates } },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: (request) => ({
          subscribe: (sink) => {
            const payload = { ...request, query: request.query ?? '' }
            const next = (result: ExecutionResult) => {
              // After a break the socket sends the payload again: then the feed goes on from here.
              const after: unknown = result.data?.events?.cursor
              if (after) payload.variables = { ...payload.variables, after }
              sink.next(result)
            }
            const each = { ...sink, next: (result: unknown) => next(result as ExecutionResult) }
            return { unsubscribe: socket.subscribe(payload, each) }
          },
        }),
      }),
    ],
  })
}

/**
 * The lists of the root that gain or lose an item by a mutation; the generated updates forget the rest.
 * A dry run stores nothing, so it makes nothing stale.
 */
const listUpdates: Record<string, UpdateResolver> = {
  saveCustomer: forgetting('customers'),
  changeCustomerClass: forgetting('customers'),
  saveCustomerClass: forgetting('customerClasses'),
  retireCustomerClass: forgetting('customerClasses', 'customers'),
  reactivateCustomerClass: forgetting('customerClasses'),
  deleteCustomerClass: forgetting('customerClasses'),
  saveWebhookEndpoint: forgetting('webhookEndpoints'),
  deleteWebhookEndpoint: forgetting('webhookEndpoints', 'webhookDeliveries'),
  pingWebhookEndpoint: forgetting('webhookDeliveries'),
  redeliverWebhooks: forgetting('webhookDeliveries'),
}

function forgetting(...fields: string[]): UpdateResolver {
  return (result, args, cache, info) => {
    forgetDerived(result, args, cache, info)
    if ((args.input as { dryRun?: boolean }).dryRun) return
    for (const field of cache.inspectFields('Query')) {
      if (fields.includes(field.fieldName)) cache.invalidate('Query', field.fieldKey)
    }
  }
}
