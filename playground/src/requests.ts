// How requests reach the API: over HTTP, and subscriptions over one WebSocket, with the same token.
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { createClient } from 'graphql-ws';

export const GRAPHQL_URL = new URL('../graphql', document.baseURI);
export const SCHEMA_URL = new URL('../schema.graphql', document.baseURI);

/**
 * Return a fetcher that signs in by `token`, unless the headers editor has an Authorization header.
 *
 * The first introspection needs this too: it is sent before the headers editor exists. `onRefused`
 * is called when the API refuses the token.
 */
export function signedInFetcher(token: string, onRefused: () => void): Fetcher {
  let authorization = `Bearer ${token}`;
  const socketUrl = new URL(GRAPHQL_URL);
  socketUrl.protocol = socketUrl.protocol.replace('http', 'ws');
  const wsClient = createClient({
    url: socketUrl.href,
    connectionParams: () => ({ Authorization: authorization }),
  });
  const fetcher = createGraphiQLFetcher({
    url: GRAPHQL_URL.href,
    wsClient,
    enableIncrementalDelivery: false,
    async fetch(url, init) {
      const answer = await fetch(url, init);
      const isOwnToken = new Headers(init?.headers).get('authorization') === `Bearer ${token}`;
      if (answer.status === 401 && isOwnToken) onRefused();
      return answer;
    },
  });
  return (parameters, options) => {
    const headers = new Headers(options?.headers);
    authorization = headers.get('authorization') ?? `Bearer ${token}`;
    headers.set('authorization', authorization);
    return fetcher(parameters, { ...options, headers: Object.fromEntries(headers) });
  };
}

/** Return the data of a query, or null if there is none; throws if the API refuses the token. */
export async function askOnce(token: string, query: string): Promise<unknown> {
  const answer = await fetch(GRAPHQL_URL, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  if (answer.status === 401) throw new Error('The API refuses the token.');
  return (await answer.json()).data ?? null;
}
