/**
 * Writes the configuration of a normalised cache from the SDL:
 * `node cache-config.mjs urql|urql-schema|apollo|apollo-pages SDL FILE`. `urql-schema` adds the schema to that for
 * urql; `apollo-pages` keeps each page of a list by itself, where `apollo` joins them.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as graphql from 'graphql'

const CACHES = ['urql', 'urql-schema', 'apollo', 'apollo-pages']
const [cache, sdl, file] = process.argv.slice(2)
if (!CACHES.includes(cache) || !sdl || !file) {
  console.error(`Usage: node cache-config.mjs ${CACHES.join('|')} SDL FILE\nFor example: node cache-config.mjs urql schema.graphql src/generated/cache.ts`)
  process.exit(2)
}
if (!existsSync(sdl)) {
  console.error(`There is no file ${sdl}. The API serves its schema at /schema.graphql.`)
  process.exit(2)
}
const schema = graphql.buildSchema(readFileSync(sdl, 'utf8'))
const types = Object.values(schema.getTypeMap()).filter((type) => !type.name.startsWith('__'))
const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
const objects = types.filter((type) => graphql.isObjectType(type))
const fieldsOf = (type) => Object.values(type.getFields())
const returned = (field) => graphql.getNamedType(field.type)
const isKeyless = (type) => graphql.isObjectType(type) && !roots.includes(type) && !type.getFields().id

const possibleTypes = Object.fromEntries(
  types.filter(graphql.isAbstractType).map((type) => [
    type.name,
    schema.getPossibleTypes(type).map((one) => one.name),
  ]),
)
const keyless = objects.filter(isKeyless)
/** Types whose fields belong together, with what is in them: an old source says nothing of a new value. */
const values = new Set()
const addValue = (type) => {
  if (!isKeyless(type) || values.has(type)) return
  values.add(type)
  fieldsOf(type).map(returned).forEach(addValue)
}
for (const name of possibleTypes.ProfileValue ?? []) addValue(schema.getType(name))

const isConnection = (field) => returned(field).name.endsWith('Connection')
const isListOfObjects = (field) =>
  graphql.isListType(graphql.getNullableType(field.type)) && graphql.isCompositeType(returned(field))
/** The arguments that select a list, its direction and the size of its pages, but not one of its pages. */
const selecting = (field) =>
  field.args.map((argument) => argument.name).filter((name) => !['after', 'before'].includes(name))
/**
 * The fields of stored objects that the API computes, also from other objects, or that list objects: a mutation that
 * returns the object may change them.
 */
const isDerived = (field) => isConnection(field) || isListOfObjects(field) || isKeyless(returned(field))
const derived = Object.fromEntries(
  objects
    .filter((type) => type.getFields().id && !roots.includes(type))
    .map((type) => [type.name, fieldsOf(type).filter(isDerived).map(({ name }) => name)])
    .filter(([, fields]) => fields.length),
)
/** Names of derived fields that take arguments: what one call returned says nothing of the others. */
const withArguments = new Set(
  objects.flatMap((type) =>
    fieldsOf(type)
      .filter((field) => field.args.length && derived[type.name]?.includes(field.name))
      .map(({ name }) => name),
  ),
)
const mutations = fieldsOf(schema.getMutationType()).map(({ name }) => name)

const isJoined = cache === 'apollo'
const lines = (entries) => entries.map((entry) => `  ${entry},\n`).join('')
/** Write the fields of a type for which `write` returns a text. */
const written = (type, write) =>
  fieldsOf(type)
    .map((field) => [field.name, write(field)])
    .filter(([, text]) => text)
    .map(([name, text]) => `${name}: ${text}`)
    .join(', ')

function urqlTypes() {
  const connections = objects.map((type) => [
    type.name,
    written(type, (field) => isConnection(field) && 'relayPagination()'),
  ])
  return `export const keys = {\n${lines(keyless.map(({ name }) => `${name}: () => null`))}}\n
export const connections = {\n${lines(
    connections.filter(([, fields]) => fields).map(([name, fields]) => `${name}: { ${fields} }`),
  )}}\n
${DERIVED}\n
${URQL_UPDATES}
export const updates = { Mutation: {\n${lines(mutations.map((name) => `${name}: forgetDerived`))}} }\n`
}

const DERIVED = `/** The fields of each type that the API computes, also from other objects, or that list objects. */
const derived: Readonly<Record<string, readonly string[]>> = {\n${lines(
  Object.entries(derived).map(([name, fields]) => `${name}: ${JSON.stringify(fields)}`),
)}}
const withArguments: ReadonlySet<string> = new Set(${JSON.stringify([...withArguments])})`

const URQL_UPDATES = `/**
 * Forget the derived fields of what a mutation returned, and of the customer and class that belong to it, so that
 * they are asked again. What the answer holds stays, unless it depends on arguments. A dry run changes nothing.
 */
export const forgetDerived: UpdateResolver = (parent, { input }, cache, { fieldName, optimistic }) => {
  const { customerId, dryRun } = input as { customerId?: string; dryRun?: boolean }
  if (dryRun || optimistic) return
  const forget = (entity: string, type: string, held: readonly string[] = []) => {
    for (const { fieldName: name, arguments: args } of cache.inspectFields(entity)) {
      const isHeld = held.includes(name) && !withArguments.has(name)
      if (derived[type]?.includes(name) && !isHeld) cache.invalidate(entity, name, args)
    }
  }
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit)
    if (typeof value !== 'object' || value === null) return
    const { __typename: type, id } = value as { __typename?: string; id?: string }
    const entity = type && id ? cache.keyOfEntity({ __typename: type, id }) : null
    if (!type || !entity) return Object.values(value).forEach(visit)
    // What is decided about customers depends on their classes.
    if (type === 'CustomerClass') cache.invalidate('Customer')
    forget(entity, type, Object.keys(value))
    for (const [name, owner] of [['customer', 'Customer'], ['customerClass', 'CustomerClass']] as const) {
      const link = cache.resolve(entity, name)
      if (typeof link === 'string') forget(link, owner)
    }
  }
  visit(parent[fieldName])
  if (customerId) forget(\`Customer:\${customerId}\`, 'Customer')
}
`

/** The part of an introspection that Graphcache reads: object types, their fields and arguments. */
function introspection() {
  const composite = types.filter(graphql.isCompositeType)
  const shortened = (type) => {
    if (graphql.isNonNullType(type)) return { kind: 'NON_NULL', ofType: shortened(type.ofType) }
    if (graphql.isListType(type)) return { kind: 'LIST', ofType: shortened(type.ofType) }
    return graphql.isCompositeType(type) ? { kind: kindOf(type), name: type.name } : { kind: 'SCALAR', name: 'Any' }
  }
  const kindOf = (type) =>
    graphql.isObjectType(type) ? 'OBJECT' : graphql.isInterfaceType(type) ? 'INTERFACE' : 'UNION'
  const named = (several) => several.map(({ name }) => ({ kind: kindOf(schema.getType(name)), name }))
  const fields = (type) =>
    fieldsOf(type).map(({ name, type: returns, args }) => ({
      name,
      type: shortened(returns),
      args: args.map((argument) => ({ name: argument.name, type: shortened(argument.type) })),
    }))
  return {
    __schema: {
      queryType: { name: schema.getQueryType().name },
      mutationType: { name: schema.getMutationType().name },
      subscriptionType: { name: schema.getSubscriptionType().name },
      types: [
        ...composite.map((type) => ({
          kind: kindOf(type),
          name: type.name,
          ...(type.getFields && { fields: fields(type), interfaces: named(type.getInterfaces()) }),
          ...(graphql.isAbstractType(type) && { possibleTypes: named(schema.getPossibleTypes(type)) }),
        })),
        { kind: 'SCALAR', name: 'Any' },
      ],
    },
  }
}

/** Objects without an id are merged field by field, but lists and values of a profile are replaced. */
function apolloTypes() {
  const policies = objects.map((type) => {
    const fields = written(type, (field) => {
      if (type === schema.getMutationType()) return 'forgetDerived'
      if (isJoined && isConnection(field)) return `connection(${JSON.stringify(selecting(field))})`
      // The policy of a connection joins its lists.
      return !(isJoined && type.name.endsWith('Connection')) && isListOfObjects(field) && '{ merge: false }'
    })
    const parts = [
      ...(isKeyless(type) ? [`merge: ${!values.has(type)}`] : []),
      ...(fields ? [`fields: { ${fields} }`] : []),
    ]
    return [type.name, parts.join(', ')]
  })
  return `export const typePolicies: TypePolicies = {\n${lines(
    policies.filter(([, parts]) => parts).map(([name, parts]) => `${name}: { ${parts} }`),
  )}}\n`
}

/** Apollo's `relayStylePagination` joins `edges` only; this policy joins `nodes` too. */
const CONNECTION = `type PageInfo = {
  startCursor?: string | null | undefined
  endCursor?: string | null | undefined
  hasPreviousPage?: boolean | undefined
}
type Page = {
  after?: string | undefined
  before?: string | undefined
  nodes?: readonly (Reference | StoreObject | null)[] | undefined
  edges?: readonly StoreObject[] | undefined
  pageInfo?: PageInfo | undefined
}
type Pages = { pages: readonly Page[] }

/**
 * A connection. A page that was read with \`after\` or \`before\` joins those in the cache, at the place
 * that \`pageInfo\` tells; a page without a cursor replaces them. Reading returns the rows of all pages, or with a
 * cursor those from it on. Pages of other sizes, and those from the end, are other lists.
 */
const connection = (keyArgs: string[]): FieldPolicy<Pages, Page> => ({
  keyArgs,
  merge(stored, { nodes, edges, pageInfo, ...others }, { args }) {
    const pages = stored?.pages ?? []
    const { startCursor, endCursor } = pageInfo ?? {}
    // Another query may have selected other rows of the same page.
    const same = pages.find(
      (one) => endCursor && one.pageInfo?.endCursor === endCursor && one.pageInfo.startCursor === startCursor,
    )
    const page: Page = {
      after: args?.after ?? undefined,
      before: args?.before ?? undefined,
      nodes: nodes ?? same?.nodes,
      edges: edges ?? same?.edges,
      pageInfo: same ? { ...same.pageInfo, ...pageInfo } : pageInfo,
    }
    const end = pages.findIndex((one) => one.pageInfo?.endCursor === args?.after) + 1
    const start = pages.findIndex((one) => one.pageInfo?.startCursor === args?.before)
    const before = args?.after == null ? [] : pages.slice(0, end || pages.length)
    const after = args?.before == null ? [] : pages.slice(Math.max(start, 0))
    return { ...stored, ...others, pages: [...before, page, ...after] }
  },
  read(stored, { args, canRead, readField }) {
    if (!stored) return undefined
    const { pages: all, ...others } = stored
    const start = args?.after == null ? 0 : all.findIndex((one) => one.after === args.after)
    const end = args?.before == null ? all.length : all.findIndex((one) => one.before === args.before) + 1
    if (start < 0 || end < 1) return undefined
    const pages = all.slice(start, end)
    const infos = pages.flatMap((page) => page.pageInfo ?? [])
    const isComplete = (name: 'nodes' | 'edges') => pages.every((page) => page[name])
    return {
      ...others,
      nodes: isComplete('nodes') ? pages.flatMap((page) => page.nodes ?? []).filter(canRead) : undefined,
      edges: isComplete('edges')
        ? pages
            .flatMap((page) => page.edges ?? [])
            .filter((edge) => !('node' in edge) || canRead(readField('node', edge)))
        : undefined,
      // An empty page has no cursors.
      pageInfo: infos.length
        ? {
            ...infos[0],
            ...infos.at(-1),
            startCursor: infos.find((one) => one.startCursor)?.startCursor ?? infos[0]?.startCursor,
            endCursor: infos.findLast((one) => one.endCursor)?.endCursor ?? infos.at(-1)?.endCursor,
            hasPreviousPage: infos[0]?.hasPreviousPage,
          }
        : undefined,
    }
  },
})`

/** Merge functions run when the objects that the mutation returned are stored. */
const APOLLO_UPDATES = `${DERIVED}

/**
 * Forget the derived fields of what a mutation returned, and of the customer and class that belong to it, so that
 * they are asked again. What the mutation selected stays, unless it depends on arguments or came by a named fragment.
 * A dry run changes nothing.
 */
const forgetDerived: FieldPolicy = {
  merge(_, incoming, { args, cache, field, isReference, readField }) {
    const input = args?.input as { customerId?: string; dryRun?: boolean } | undefined
    if (input?.dryRun) return incoming
    const forget = (id: string | undefined, type: string, held: readonly string[] = []) => {
      for (const fieldName of derived[type] ?? []) if (id && !held.includes(fieldName)) cache.evict({ id, fieldName })
    }
    const visit = (value: unknown, selected: readonly FieldNode[]): void => {
      if (Array.isArray(value)) return value.forEach((one) => visit(one, selected))
      if (typeof value !== 'object' || value === null) return
      if (!isReference(value)) {
        for (const [name, one] of Object.entries(value))
          visit(one, selected.filter((node) => node.name.value === name).flatMap(fieldsIn))
        return
      }
      const type = readField<string>('__typename', value) ?? ''
      // What is decided about customers depends on their classes.
      if (type === 'CustomerClass')
        for (const id of Object.keys(cache.extract())) if (id.startsWith('Customer:')) forget(id, 'Customer')
      forget(value.__ref, type, selected.filter((node) => !withArguments.has(node.name.value)).map((node) => node.name.value))
      for (const [name, owner] of [['customer', 'Customer'], ['customerClass', 'CustomerClass']] as const) {
        const link = readField(name, value)
        if (isReference(link)) forget(link.__ref, owner)
      }
    }
    visit(incoming, field ? fieldsIn(field) : [])
    if (input?.customerId) forget(cache.identify({ __typename: 'Customer', id: input.customerId }), 'Customer')
    return incoming
  },
}

const fieldsIn = (node: { readonly selectionSet?: SelectionSetNode | undefined }): FieldNode[] =>
  (node.selectionSet?.selections ?? []).flatMap((one) =>
    one.kind === 'Field' ? [one] : one.kind === 'InlineFragment' ? fieldsIn(one) : [],
  )
`

const heads = {
  urql: `import type { ${cache === 'urql' ? '' : 'CacheExchangeOpts, '}UpdateResolver } from '@urql/exchange-graphcache'
import { relayPagination } from '@urql/exchange-graphcache/extras'\n`,
  apollo: `import type { FieldPolicy, ${isJoined ? 'Reference, StoreObject, ' : ''}TypePolicies } from '@apollo/client'
import type { FieldNode, SelectionSetNode } from 'graphql'\n`,
}
const bodies = {
  urql: urqlTypes,
  'urql-schema': () =>
    `${urqlTypes()}\nexport const schema: NonNullable<CacheExchangeOpts['schema']> = ${JSON.stringify(introspection())}\n`,
  apollo: () => `${CONNECTION}\n\n${APOLLO_UPDATES}\n${apolloTypes()}`,
  'apollo-pages': () => `${APOLLO_UPDATES}\n${apolloTypes()}`,
}
const possible = `export const possibleTypes = ${JSON.stringify(possibleTypes, null, 2)}\n`
mkdirSync(dirname(file), { recursive: true })
writeFileSync(
  file,
  `// Generated from ${sdl}; do not edit.\n${heads[cache.split('-')[0]]}\n${possible}\n${bodies[cache]()}`,
)
