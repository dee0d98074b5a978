/**
 * Writes the configuration of a normalised cache from the SDL:
 * `node cache-config.mjs urql|urql-schema|apollo SDL FILE`. `urql-schema` adds the schema to that for urql.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as graphql from 'graphql'

const [cache, sdl, file] = process.argv.slice(2)
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
/** The arguments that select a list, but not a page of it. */
const selecting = (field) =>
  field.args.map((argument) => argument.name).filter((name) => !['first', 'after', 'last', 'before'].includes(name))

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
  )}}\n`
}

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
      if (isConnection(field)) return `connection(${JSON.stringify(selecting(field))})`
      // A connection joins its own lists.
      return !type.name.endsWith('Connection') && isListOfObjects(field) && '{ merge: false }'
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
  nodes?: readonly (Reference | StoreObject | null)[] | undefined
  edges?: readonly StoreObject[] | undefined
  pageInfo?: PageInfo | undefined
}
type Pages = { pages: readonly Page[] }

/**
 * A connection. A page that was read with \`after\` or \`before\` joins those in the cache, at the place
 * that \`pageInfo\` tells; a page without a cursor replaces them. Reading returns the rows of all pages.
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
  read(stored, { canRead, readField }) {
    if (!stored) return undefined
    const { pages, ...others } = stored
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

const heads = {
  urql: "import { relayPagination } from '@urql/exchange-graphcache/extras'\n",
  apollo: "import type { FieldPolicy, Reference, StoreObject, TypePolicies } from '@apollo/client'\n",
}
heads['urql-schema'] = `import type { CacheExchangeOpts } from '@urql/exchange-graphcache'\n${heads.urql}`
const bodies = {
  urql: urqlTypes,
  'urql-schema': () => `${urqlTypes()}\nexport const schema: NonNullable<CacheExchangeOpts['schema']> = ${JSON.stringify(introspection())}\n`,
  apollo: () => `${CONNECTION}\n\n${apolloTypes()}`,
}
const possible = `export const possibleTypes = ${JSON.stringify(possibleTypes, null, 2)}\n`
mkdirSync(dirname(file), { recursive: true })
writeFileSync(file, `// Generated from ${sdl}; do not edit.\n${heads[cache]}\n${possible}\n${bodies[cache]()}`)
