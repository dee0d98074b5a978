// Operations that use what Relay's compiler expects of a schema: refetching by id, pages in both
// directions, records that are appended and deleted, and a subscription.

graphql`
  fragment operationsCustomer on Customer @refetchable(queryName: "operationsCustomerQuery") {
    name
    customerClass { code name }
    contacts { ...operationsContact }
    profile { netAssets { value currency source } }
    enrichment { status fields { field outcome } history { id trigger } }
  }
`

graphql`
  fragment operationsContact on Contact @refetchable(queryName: "operationsContactQuery") {
    name
    receivesBills
    isEmailVerified
    attachmentPreference { isConfirmed entry { id kind } }
  }
`

graphql`
  fragment operationsCustomers on Query
  @argumentDefinitions(
    first: { type: "Int" }
    after: { type: "String" }
    last: { type: "Int" }
    before: { type: "String" }
  )
  @refetchable(queryName: "operationsCustomersPageQuery") {
    customers(first: $first, after: $after, last: $last, before: $before, sort: NAME_ASC)
      @connection(key: "operations_customers") {
      totalCount
      edges { node { ...operationsCustomer } }
    }
  }
`

graphql`
  fragment operationsClass on CustomerClass
  @argumentDefinitions(first: { type: "Int", defaultValue: 5 }, after: { type: "String" })
  @refetchable(queryName: "operationsClassPageQuery") {
    status
    customers(first: $first, after: $after) @connection(key: "operations_class_customers") {
      edges { node { id name } }
    }
  }
`

graphql`
  query operationsListQuery($first: Int!, $statuses: [ClassStatus!]) {
    ...operationsCustomers @arguments(first: $first)
    customerClasses(filter: { statuses: $statuses }) { nodes { ...operationsClass } }
    node(id: "aud_1") { ... on AuditEntry { operation requestId } }
  }
`

graphql`
  mutation operationsSaveMutation($input: SaveCustomerInput!, $connections: [ID!]!) {
    saveCustomer(input: $input) {
      customer @appendNode(connections: $connections, edgeTypeName: "CustomerEdge") { id name }
      userErrors { code message path }
    }
  }
`

graphql`
  mutation operationsDeleteContactMutation($input: DeleteContactInput!) {
    deleteContact(input: $input) {
      deletedId @deleteRecord
      userErrors { code }
    }
  }
`

graphql`
  mutation operationsLookUpMutation($id: ID!) {
    requestEnrichment(input: { target: { customerId: $id } }) {
      customer { ...operationsCustomer }
    }
  }
`

graphql`
  subscription operationsEnrichedSubscription($id: ID!, $since: DateTime) {
    customerEnriched(customerId: $id, since: $since) { ...operationsCustomer }
  }
`
