/** Checks a generated cache configuration in Apollo Client: `node apollo_cache.mjs PACKAGES CONFIG`. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [packages, config] = process.argv.slice(2)
const { gql, InMemoryCache } = createRequire(`${packages}/`)('@apollo/client')
const settings = await import(pathToFileURL(config).href)

const complaints = []
for (const kind of ['warn', 'error']) console[kind] = (...texts) => complaints.push(texts.join(' '))

const newCache = () => new InMemoryCache(settings)
const row = (id) => ({ __typename: 'Customer', id: `cus_${id}`, name: `Customer ${id}` })

/** An answer with the rows of a page, whose cursors are the ids of its rows. */
function page(ids, hasPreviousPage, hasNextPage) {
  const [startCursor, endCursor] = [ids.at(0) ?? null, ids.at(-1) ?? null]
  return {
    customers: {
      __typename: 'CustomerConnection',
      totalCount: 6,
      nodes: [...ids].map(row),
      edges: [...ids].map((id) => ({ __typename: 'CustomerEdge', cursor: id, node: row(id) })),
      pageInfo: { __typename: 'PageInfo', startCursor, endCursor, hasPreviousPage, hasNextPage },
    },
  }
}

const listing = (rows) => gql`query ($after: String, $before: String, $filter: CustomerFilter) {
  customers(first: 2, after: $after, before: $before, filter: $filter) {
    ${rows} totalCount pageInfo { startCursor endCursor hasPreviousPage hasNextPage } } }`
const NODES = listing('nodes { id name }')
const EDGES = listing('edges { cursor node { id name } }')

/** What `fetchMore` does with an answer, and what the list shows then. */
function shown(cache, query, data, variables) {
  cache.writeQuery({ query, data, variables })
  const { customers } = cache.readQuery({ query })
  const rows = customers.nodes ?? customers.edges.map((edge) => edge.node)
  const { startCursor, endCursor, hasPreviousPage, hasNextPage } = customers.pageInfo
  const ids = rows.map((one) => one.id.replace('cus_', '')).join('')
  return `${hasPreviousPage ? '<' : ''}${startCursor}:${ids}:${endCursor}${hasNextPage ? '>' : ''}`
}

const isJoined = !config.includes('pages')
for (const query of isJoined ? [NODES, EDGES] : []) {
  const cache = newCache()
  assert.equal(shown(cache, query, page('cd', true, true), {}), '<c:cd:d>')
  assert.equal(shown(cache, query, page('ef', true, true), { after: 'd' }), '<c:cdef:f>')
  assert.equal(shown(cache, query, page('ab', false, true), { before: 'c' }), 'a:abcdef:f>')
  assert.equal(shown(cache, query, page('', true, false), { after: 'f' }), 'a:abcdef:f')
  // A page that is read again takes the place of what followed the cursor.
  assert.equal(shown(cache, query, page('cd', true, true), { after: 'b' }), 'a:abcd:d>')
  // Another list, and the same list from its start.
  const filter = { text: 'x' }
  cache.writeQuery({ query, data: page('xy', false, false), variables: { filter } })
  assert.equal(cache.readQuery({ query, variables: { filter } }).customers.totalCount, 6)
  assert.equal(shown(cache, query, page('ab', false, true), {}), 'a:ab:b>')
  // A row that was deleted is not shown.
  cache.evict({ id: cache.identify(row('a')) })
  const { nodes, edges } = cache.readQuery({ query }).customers
  assert.equal((nodes ?? edges).length, 1)
}
if (isJoined) {
  // The place of a page is known by the cursor at its end alone.
  const cache = newCache()
  const query = gql`query ($after: String) { customers(after: $after) {
    nodes { id } pageInfo { endCursor hasNextPage } } }`
  cache.writeQuery({ query, data: page('ab', false, true) })
  for (let times = 0; times < 2; times++)
    cache.writeQuery({ query, data: page('cd', true, true), variables: { after: 'b' } })
  assert.equal(cache.readQuery({ query }).customers.nodes.length, 4)
}
if (isJoined) {
  // Two queries that select different rows of the same page do not take them from each other.
  const cache = newCache()
  cache.writeQuery({ query: NODES, data: page('ab', false, true) })
  cache.writeQuery({ query: EDGES, data: page('ab', false, true) })
  assert.equal(cache.readQuery({ query: NODES }).customers.nodes.length, 2)
  cache.writeQuery({ query: EDGES, data: page('cd', true, true), variables: { after: 'b' } })
  assert.equal(cache.readQuery({ query: EDGES }).customers.edges.length, 4)
  assert.equal(cache.readQuery({ query: NODES }), null)
  cache.gc()
  assert.equal(cache.readQuery({ query: EDGES }).customers.edges.length, 4)
}
{
  // Other pages, sizes and directions of one list are asked for, and not mixed.
  const cache = newCache()
  const query = gql`query ($first: Int, $last: Int, $after: String) {
    customers(first: $first, last: $last, after: $after) {
      nodes { id name } pageInfo { startCursor endCursor hasPreviousPage hasNextPage } } }`
  const write = (variables, ...answer) => cache.writeQuery({ query, variables, data: page(...answer) })
  const shown = (variables) => {
    const { nodes } = cache.readQuery({ query, variables })?.customers ?? {}
    return nodes && nodes.map(({ name }) => name.at(-1)).join('')
  }
  write({ first: 2 }, 'ab', false, true)
  for (const others of [{ first: 50 }, { last: 2 }, { first: 2, after: 'b' }]) assert.equal(shown(others), undefined)
  write({ first: 50 }, 'abcdef', false, false)
  write({ last: 2 }, 'ef', true, false)
  assert.deepEqual([shown({ first: 2 }), shown({ first: 50 }), shown({ last: 2 })], ['ab', 'abcdef', 'ef'])
  write({ first: 2, after: 'b' }, 'cd', true, true)
  assert.deepEqual([shown({ first: 2, after: 'b' }), shown({ first: 2 })], ['cd', isJoined ? 'abcd' : 'ab'])
}
{
  // Lists of objects get shorter, with and without ids.
  const cache = newCache()
  const query = gql`{ customer(id: "cus_a") { id contacts { id name } advisories { code message }
    suggestions { field value { display } } enrichment { status history { status } } } }`
  const data = (count) => {
    const times = (one) => Array.from({ length: count }, (_, number) => one(number))
    return {
      customer: {
        __typename: 'Customer',
        id: 'cus_a',
        contacts: times((number) => ({ __typename: 'Contact', id: `con_${number}`, name: 'Ann' })),
        advisories: times(() => ({ __typename: 'Advisory', code: 'SAME_NUMBER', message: 'Same.' })),
        suggestions: times(() => ({
          __typename: 'Suggestion',
          field: 'EMPLOYEES',
          value: { __typename: 'CountValue', display: '8' },
        })),
        enrichment: {
          __typename: 'Enrichment',
          status: 'PENDING',
          history: times(() => ({ __typename: 'EnrichmentAttempt', status: 'FAILED' })),
        },
      },
    }
  }
  for (const count of [3, 1, 0, 2]) cache.writeQuery({ query, data: data(count) })
  assert.deepEqual(cache.readQuery({ query }), data(2))
}
{
  // A profile is merged, but the source of an old value is not kept beside a new one.
  const cache = newCache()
  const write = (fields, profile) =>
    cache.writeQuery({
      query: gql`{ customer(id: "cus_a") { id profile { ${fields} } } }`,
      data: { customer: { __typename: 'Customer', id: 'cus_a', profile: { __typename: 'CompanyProfile', ...profile } } },
    })
  const address = (value, more) => ({ __typename: 'AddressValue', value: { __typename: 'Address', ...value }, ...more })
  write('employees { value source }', { employees: { __typename: 'CountValue', value: 4, source: 'USER' } })
  write('registeredAddress { source value { locality postalCode } }', {
    registeredAddress: address({ locality: 'Old Town', postalCode: 'AB1 2CD' }, { source: 'REGISTER' }),
  })
  write('employees { value }', { employees: { __typename: 'CountValue', value: 8 } })
  write('registeredAddress { value { locality } }', { registeredAddress: address({ locality: 'Newtown' }) })
  const { profile } = cache.extract()['Customer:cus_a']
  assert.deepEqual(profile.employees, { __typename: 'CountValue', value: 8 })
  assert.deepEqual(profile.registeredAddress, address({ locality: 'Newtown' }))
}
{
  // After a mutation, what the API decides of a customer is asked again, but not what the answer holds.
  const DETAILS = gql`{
    customer(id: "cus_a") { id name profile { employees { value } } consent { isGiven }
      deliveryPreview { isConsentGiven } } }`
  const read = (cache) => cache.readQuery({ query: DETAILS })?.customer.deliveryPreview.isConsentGiven
  const filled = () => {
    const cache = newCache()
    const data = {
      customer: {
        __typename: 'Customer',
        id: 'cus_a',
        name: 'Ann',
        profile: { __typename: 'CompanyProfile', employees: { __typename: 'CountValue', value: 4 } },
        consent: { __typename: 'Consent', isGiven: false },
        deliveryPreview: { __typename: 'DeliveryPreview', isConsentGiven: false },
      },
    }
    cache.writeQuery({ query: DETAILS, data })
    assert.equal(read(cache), false)
    return cache
  }
  const isForgotten = (field, selection, answer, input) => {
    const cache = filled()
    const query = gql`mutation ($input: Input!) { done: ${field}(input: $input) { ${selection} } }`
    cache.write({ dataId: 'ROOT_MUTATION', query, variables: { input }, result: { done: answer } })
    assert.equal(cache.extract()['Customer:cus_a'].name, 'Ann')
    return read(cache) === undefined
  }
  const payload = (answer) => ({ __typename: 'Payload', ...answer })
  const stored = { __typename: 'Customer', id: 'cus_a' }
  const customer = (id) => payload({ customer: { ...stored, id } })
  assert(isForgotten('recordConsent', 'customer { id }', customer('cus_a'), {}))
  const dry = { customerId: 'cus_a', dryRun: true }
  assert(!isForgotten('recordConsent', 'customer { id }', customer('dryrun:cus_a'), dry))
  assert(!isForgotten('recordConsent', 'customer { id }', payload({ customer: null }), {}))
  const contact = { __typename: 'Contact', id: 'con_a' }
  assert(isForgotten('saveContact', 'contact { id }', payload({ contact }), { customerId: 'cus_a' }))
  const linked = payload({ contact: { ...contact, customer: stored } })
  assert(isForgotten('saveContact', 'contact { id customer { id } }', linked, {}))
  const results = [{ __typename: 'SaveCustomersResult', customer: stored }]
  assert(isForgotten('saveCustomers', 'results { customer { id } }', payload({ results }), {}))
  const customerClass = { __typename: 'CustomerClass', id: 'cls_a' }
  assert(isForgotten('saveCustomerClass', 'customerClass { id }', payload({ customerClass }), {}))
  // The answer's own profile stays.
  const cache = filled()
  const query = gql`mutation ($input: Input!) {
    saveCustomer(input: $input) { customer { id ... on Customer { profile { employees { value } } } } } }`
  const profile = { __typename: 'CompanyProfile', employees: { __typename: 'CountValue', value: 8 } }
  const result = { saveCustomer: payload({ customer: { ...stored, profile } }) }
  cache.write({ dataId: 'ROOT_MUTATION', query, variables: { input: {} }, result })
  const { consent, profile: kept } = cache.extract()['Customer:cus_a']
  assert.deepEqual([consent, kept], [undefined, profile])
}
assert.deepEqual(complaints, [])
