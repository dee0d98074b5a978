/** Customers counted in groups, and month by month: each as a chart and as a table. */
import { useQuery } from 'urql'
import {
  CustomerReportDocument,
  CustomersByMonthDocument,
  type CustomerMetric,
  type CustomerReportDimension,
  type CustomerReportQuery,
} from '../generated/graphql'
import { Chart } from '../parts/chart'
import { Download } from '../parts/files'
import { FilterForm, SelectField } from '../parts/form'
import { Page, QueryState, Section, Table } from '../parts/page'
import { useRoute } from '../router'
import { count, money, month, number, options, time, words } from '../words'

type Report = NonNullable<CustomerReportQuery['customerReport']>
type Row = Report['rows'][number]

/** Each dimension: its name, and how the key of a row is told. */
const DIMENSIONS: Record<CustomerReportDimension, [name: string, told: (row: Row) => string]> = {
  CLASS: ['Class', (row) => row.customerClass?.name ?? '–'],
  RESELLER: ['Reseller', (row) => row.reseller?.name ?? 'No reseller'],
  LEGAL_STATUS: ['Legal status', (row) => words(row.subscriberKind ?? '–')],
  IS_RESELLER: ['Kind of class', (row) => (row.isReseller ? 'Resellers' : 'Not resellers')],
  CONSENT: ['Consent', (row) => (row.isConsentGiven ? 'Consent given' : 'No consent')],
  ENRICHMENT_STATUS: ['Lookup', (row) => words(row.enrichmentStatus ?? '–')],
  COMPANY_STATUS: ['Company status', (row) => words(row.companyStatus ?? 'Not known')],
  CREATED_MONTH: ['Created', (row) => (row.createdMonthOn ? month(row.createdMonthOn) : '–')],
}
const OPTIONS = Object.entries(DIMENSIONS).map(([code, [name]]) => [code, name] as const)
const CHANGES: CustomerMetric[] = ['CUSTOMERS_CREATED', 'CUSTOMERS_DELETED', 'CONSENT_GIVEN', 'CONSENT_WITHDRAWN']
const METRICS: CustomerMetric[] = ['CUSTOMERS', ...CHANGES]
const MAX_BARS = 20

export function Reports() {
  const { query } = useRoute()
  const chosen = ['by', 'then', 'and'].map((name) => query.get(name)).filter((one) => one !== null && one in DIMENSIONS)
  const groupBy = (chosen.length > 0 ? [...new Set(chosen)] : ['CLASS']) as CustomerReportDimension[]
  const [state] = useQuery({ query: CustomerReportDocument, variables: { groupBy } })
  const report = state.data?.customerReport
  return (
    <Page title="Reports">
      <FilterForm label="Groups">
        <SelectField name="by" label="Group by" options={OPTIONS} value={groupBy[0]} />
        <SelectField name="then" label="Then by" empty="Nothing more" options={OPTIONS} value={groupBy[1]} />
        <SelectField name="and" label="And by" empty="Nothing more" options={OPTIONS} value={groupBy[2]} />
        <SelectField name="metric" label="By month" options={options(METRICS)} value={query.get('metric')} />
      </FilterForm>
      {report ? <Groups groupBy={groupBy} report={report} /> : <QueryState state={state} what="the report" />}
      {report && <Months until={report.at.slice(0, 10)} metric={query.get('metric')} />}
    </Page>
  )
}

function Groups({ groupBy, report }: { groupBy: CustomerReportDimension[]; report: Report }) {
  const names = groupBy.map((one) => DIMENSIONS[one][0])
  const keysOf = (row: Row) => groupBy.map((one) => DIMENSIONS[one][1](row))
  const largest = report.rows.toSorted((one, other) => other.customerCount - one.customerCount).slice(0, MAX_BARS)
  const shown = report.rows.filter((row) => largest.includes(row))
  const title = `Customers by ${names.join(', ').toLowerCase()}`
  const parameters = new URLSearchParams(groupBy.map((one) => ['groupBy', one]))
  return (
    <Section title={title}>
      <p role="status">
        {count(report.customerCount, 'customer')} in {count(report.rows.length, 'group')}, {time(report.at)}
        {report.isTruncated && '; smaller groups are left out'}
        {report.rows.length > MAX_BARS && `. The chart has the ${MAX_BARS} largest`}
      </p>
      <Chart kind="bars" label={title} data={shown.map((row) => [keysOf(row).join(' · '), row.customerCount])} />
      <Table
        label={`${title}, in figures`}
        head={[...names, 'Customers', 'Employees', 'Net assets']}
        rows={report.rows.map((row, key) => ({
          key,
          cells: [
            ...keysOf(row),
            number(row.customerCount),
            number(row.employees.total),
            row.netAssets.map((one) => money(one.total, one.currency)).join(', ') || null,
          ],
        }))}
      />
      <p>
        <Download path={`/exports/customer-report.csv?${parameters}&bom=true`} name="customer-report.csv">
          Download the report (CSV)
        </Download>
      </p>
    </Section>
  )
}

/** The twelve months up to a day, from the histories of customers and consent. */
function Months({ until, metric }: { until: string; metric: string | null }) {
  const first = new Date(until)
  first.setUTCMonth(first.getUTCMonth() - 11, 1)
  const [fromOn, untilOn] = [first.toISOString().slice(0, 10), `${first.getUTCFullYear() + 1}-12-31`]
  const [state] = useQuery({ query: CustomersByMonthDocument, variables: { metrics: METRICS, fromOn, untilOn } })
  const series = state.data?.customersOverTime
  const charted = series?.find((one) => one.metric === metric) ?? series?.[0]
  if (!series || !charted) return <QueryState state={state} what="the months" />
  const title = `${words(charted.metric)} by month`
  return (
    <Section title={title}>
      <Chart
        kind="columns"
        label={title}
        data={charted.intervals.map((one) => [month(one.fromOn).slice(0, 3), one.count])}
      />
      <Table
        label="Months in figures"
        head={['Month', ...series.map((one) => words(one.metric))]}
        rows={charted.intervals.map(({ fromOn: key }, index) => ({
          key,
          cells: [month(key), ...series.map((one) => number(one.intervals[index]?.count ?? 0))],
        }))}
      />
    </Section>
  )
}
