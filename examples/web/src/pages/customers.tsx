/** The list of customers, with filters and pages. Both are in the address, so it can be shared. */
import { useQuery } from 'urql'
import { useMay } from '../app'
import {
  CustomersDocument,
  type CustomerFilter,
  type CustomerSort,
  type CustomersQuery,
  type EnrichmentStatus,
} from '../generated/graphql'
import { ClassField, FilterForm, SelectField, TextField } from '../parts/form'
import { LinkButton, Page, pageOf, Pages, QueryState, Table } from '../parts/page'
import { StatusBadge } from '../parts/profile'
import { useRoute } from '../router'
import { options } from '../words'

const STATUSES: EnrichmentStatus[] = [
  'PENDING',
  'RETRYING',
  'SUCCEEDED',
  'PARTIAL',
  'NOT_FOUND',
  'NEEDS_COMPANY_NUMBER',
  'FAILED',
]
const SORTS: CustomerSort[] = ['NAME_ASC', 'NAME_DESC', 'CREATED_AT_DESC', 'ACCOUNT_NUMBER_ASC']
const SORT_NAMES = ['Name', 'Name, backwards', 'Newest first', 'Account number']

function filterOf(query: URLSearchParams): CustomerFilter {
  const [text, classId, status, consent] = ['text', 'classId', 'status', 'consent'].map((name) => query.get(name))
  return {
    ...(text ? { text } : {}),
    ...(classId ? { classIds: [classId] } : {}),
    ...(status ? { enrichmentStatuses: [status as EnrichmentStatus] } : {}),
    ...(consent ? { isConsentGiven: consent === 'yes' } : {}),
  }
}

export function Customers() {
  const { query } = useRoute()
  const sort = (query.get('sort') ?? 'NAME_ASC') as CustomerSort
  const [state] = useQuery({ query: CustomersDocument, variables: { ...pageOf(query), filter: filterOf(query), sort } })
  const mayWrite = useMay('CUSTOMERS_WRITE')
  return (
    <Page title="Customers">
      {mayWrite && <LinkButton href="#/customers/new">Add a customer</LinkButton>}
      <Filters query={query} />
      {state.data?.customers ? (
        <Found found={state.data.customers} isStale={state.stale} />
      ) : (
        <QueryState state={state} what="customers" />
      )}
    </Page>
  )
}

const Filters = ({ query }: { query: URLSearchParams }) => (
  <FilterForm label="Filter customers">
    <TextField name="text" label="Text" type="search" value={query.get('text')} />
    <ClassField name="classId" label="Class" empty="All" value={query.get('classId')} />
    <SelectField name="status" label="Lookup" empty="All" value={query.get('status')} options={options(STATUSES)} />
    <SelectField
      name="consent"
      label="Consent"
      empty="All"
      value={query.get('consent')}
      options={[['yes', 'Given'], ['no', 'Not given']]}
    />
    <SelectField
      name="sort"
      label="Sort by"
      value={query.get('sort') ?? 'NAME_ASC'}
      options={SORTS.map((sort, index) => [sort, SORT_NAMES[index] ?? sort])}
    />
  </FilterForm>
)

type Found = NonNullable<CustomersQuery['customers']>

function Found(props: { found: Found; isStale: boolean }) {
  const { nodes, pageInfo, totalCount, isTotalCountExact } = props.found
  return (
    <>
      <p role="status">
        {totalCount.toLocaleString('en-GB')}
        {isTotalCountExact ? '' : ' or more'} found
      </p>
      <Table
        label="Customers"
        head={['Name', 'Account', 'Class', 'Lookup']}
        isBusy={props.isStale}
        rows={nodes.map((customer) => ({
          key: customer.id,
          cells: [
            <a href={`#/customers/${customer.id}`}>{customer.name}</a>,
            customer.accountNumber,
            customer.customerClass.name,
            <StatusBadge status={customer.enrichment.status} />,
          ],
        }))}
      />
      <Pages info={pageInfo} />
    </>
  )
}
