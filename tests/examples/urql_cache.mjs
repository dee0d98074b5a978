/** Checks a generated cache configuration in urql's Graphcache: `node urql_cache.mjs PACKAGES CONFIG`. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [packages, config] = process.argv.slice(2)
const require = createRequire(`${packages}/`)
const { Client, gql } = require('@urql/core')
const { cacheExchange } = require('@urql/exchange-graphcache')
const { filter, map, pipe } = require('wonka')
const { connections, keys, possibleTypes, schema, updates } = await import(pathToFileURL(config).href)

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

/** Show a customer before and after a mutation, and return which of both fields were asked again. */
async function askedAgain(mutation, payload, input) {
  let isGiven = false
  const requests = []
  const api = () => (operations) =>
    pipe(
      operations,
      filter(({ kind }) => kind !== 'teardown'),
      map((operation) => {
        requests.push(operation.kind)
        const isMutation = operation.kind === 'mutation'
        if (isMutation && !input.dryRun && payload.customer !== null) isGiven = true
        const data = isMutation
          ? { __typename: 'Mutation', done: payload }
          : { __typename: 'Query', customer: customer(isGiven), customerClass: customerClass() }
        return { operation, data, error: undefined, stale: false, hasNext: false }
      }),
    )
  const client = new Client({
    url: 'http://none.test',
    preferGetMethod: false,
    exchanges: [cacheExchange({ keys, possibleTypes, updates }), api],
  })
  const read = async () => (await client.query(DETAILS, {}).toPromise()).data
  assert.equal((await read()).customer.deliveryPreview.isConsentGiven, false)
  await client.mutation(mutation, { input }).toPromise()
  const { customer: shown } = await read()
  assert.equal(shown.deliveryPreview.isConsentGiven, isGiven)
  assert.equal(shown.name, 'Ann')
  return requests.filter((kind) => kind === 'query').length - 1
}
const customerClass = () => ({
  __typename: 'CustomerClass',
  id: 'cls_a',
  retirability: { __typename: 'Permissibility', isAllowed: true },
})
const customer = (isGiven) => ({
  __typename: 'Customer',
  id: 'cus_a',
  name: 'Ann',
  consent: { __typename: 'Consent', isGiven },
  consentHistory: [],
  contacts: [{ __typename: 'Contact', id: 'con_a', name: 'Bo' }],
  deliveryPreview: { __typename: 'DeliveryPreview', isConsentGiven: isGiven },
})
const DETAILS = gql`{
  customer(id: "cus_a") { id name consent { isGiven } consentHistory { id } contacts { id name }
    deliveryPreview { isConsentGiven } }
  customerClass(id: "cls_a") { id retirability { isAllowed } }
}`
const RECORD = gql`mutation ($input: RecordConsentInput!) {
  done: recordConsent(input: $input) { customer { id version consent { isGiven } } } }`
const recorded = (id) => ({
  __typename: 'RecordConsentPayload',
  customer: { __typename: 'Customer', id, version: 2, consent: { __typename: 'Consent', isGiven: true } },
})
assert.equal(await askedAgain(RECORD, recorded('cus_a'), {}), 1)
assert.equal(await askedAgain(RECORD, recorded('dryrun:cus_a'), { customerId: 'cus_a', dryRun: true }), 0)
assert.equal(await askedAgain(RECORD, { __typename: 'RecordConsentPayload', customer: null }, {}), 0)
// An answer without the customer, whose id is in the input.
const SAVE = gql`mutation ($input: SaveContactInput!) { done: saveContact(input: $input) { contact { id name } } }`
const contact = (more) => ({
  __typename: 'SaveContactPayload',
  contact: { __typename: 'Contact', id: 'con_b', name: 'Cy', ...more },
})
assert.equal(await askedAgain(SAVE, contact(), { customerId: 'cus_a' }), 1)
// An answer that links to the customer.
const LINKED = gql`mutation ($input: SaveContactInput!) {
  done: saveContact(input: $input) { contact { id name customer { id } } } }`
assert.equal(await askedAgain(LINKED, contact({ customer: { __typename: 'Customer', id: 'cus_a' } }), {}), 1)
// Several, and a class whose customers follow its rules.
const SAVE_ALL = gql`mutation ($input: SaveCustomersInput!) {
  done: saveCustomers(input: $input) { results { customer { id } } } }`
const all = [{ __typename: 'SaveCustomersResult', customer: { __typename: 'Customer', id: 'cus_a' } }]
assert.equal(await askedAgain(SAVE_ALL, { __typename: 'SaveCustomersPayload', results: all }, {}), 1)
const SAVE_CLASS = gql`mutation ($input: SaveCustomerClassInput!) {
  done: saveCustomerClass(input: $input) { customerClass { id } } }`
const saved = { __typename: 'SaveCustomerClassPayload', customerClass: { __typename: 'CustomerClass', id: 'cls_a' } }
assert.equal(await askedAgain(SAVE_CLASS, saved, {}), 1)
assert.deepEqual(complaints, [])
