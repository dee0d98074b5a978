/** Checks a generated cache configuration in urql's Graphcache: `node urql_cache.mjs PACKAGES CONFIG`. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [packages, config] = process.argv.slice(2)
const require = createRequire(`${packages}/`)
const { Client, gql } = require('@urql/core')
const { cacheExchange } = require('@urql/exchange-graphcache')
const { filter, map, pipe } = require('wonka')
const { connections, keys, possibleTypes, schema } = await import(pathToFileURL(config).href)

const complaints = []
for (const kind of ['warn', 'error']) console[kind] = (...texts) => complaints.push(texts.join(' '))

const row = (id) => ({
  __typename: 'Customer',
  id: `cus_${id}`,
  name: `Customer ${id}`,
  profile: {
    __typename: 'CompanyProfile',
    employees: { __typename: 'CountValue', display: id, source: 'USER' },
  },
})
const pages = {
  first: { rows: ['a', 'b'], endCursor: 'b', hasNextPage: true },
  b: { rows: ['c'], endCursor: 'c', hasNextPage: false },
}
let asked = 0

/** Answers as the API would. */
const api = () => (operations) =>
  pipe(
    operations,
    filter(({ kind }) => kind === 'query'),
    map((operation) => {
      asked += 1
      const { rows, ...info } = pages[operation.variables.after ?? 'first']
      const pageInfo = { __typename: 'PageInfo', ...info }
      const nodes = rows.map(row)
      const data = { __typename: 'Query', customers: { __typename: 'CustomerConnection', nodes, pageInfo } }
      return { operation, data, error: undefined, stale: false, hasNext: false }
    }),
  )

const LIST = gql`query ($after: String) {
  customers(first: 2, after: $after) {
    nodes { id name profile { employees { ... on ProfileValue { display source } } } }
    pageInfo { endCursor hasNextPage }
  }
}`

for (const aware of [false, true]) {
  asked = 0
  const client = new Client({
    url: 'http://none.test',
    preferGetMethod: false,
    exchanges: [cacheExchange({ keys, possibleTypes, resolvers: connections, ...(aware && { schema }) }), api],
  })
  const names = async (after) =>
    (await client.query(LIST, { after }).toPromise()).data.customers.nodes.map(({ name }) => name)
  assert.deepEqual(await names(), ['Customer a', 'Customer b'])
  assert.deepEqual(await names('b'), ['Customer a', 'Customer b', 'Customer c'])
  const stored = client.readQuery(LIST, { after: 'b' }).data.customers.nodes[2]
  assert.equal(stored.profile.employees.display, 'c')
  assert.equal(asked, 2)
}
assert.deepEqual(complaints, [])
