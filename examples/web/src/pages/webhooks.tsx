/** Webhook endpoints, and what was sent to them: how it went, and a button that sends it again. */
import { useEffect, useState, type ReactNode } from 'react'
import { useQuery } from 'urql'
import { useMay } from '../app'
import {
  PingWebhookEndpointDocument,
  RedeliverWebhooksDocument,
  SaveWebhookEndpointDocument,
  WebhookDeliveriesDocument,
  WebhookEndpointsDocument,
  type EndpointFieldsFragment,
  type WebhookDeliveriesQuery,
  type WebhookDeliveryOutcome,
} from '../generated/graphql'
import { EventTypeField, useEventTypes } from '../parts/event-types'
import { FaultSummary, FilterForm, Form, SelectField, TextField, textOf, useAct } from '../parts/form'
import { Badge, Button, Page, pageOf, Pages, QueryState, ReasonedButton, Section, Table, Verdict } from '../parts/page'
import { useRoute } from '../router'
import { count, number, options, time, words } from '../words'

const KINDS = { PENDING: 'plain', DELIVERED: 'good', FAILED: 'bad' } as const
const OUTCOMES = Object.keys(KINDS)
const POLL_MS = 3_000
const MAX_SHOWN = 80

export function Webhooks() {
  const [state] = useQuery({ query: WebhookEndpointsDocument })
  const endpoints = state.data?.webhookEndpoints?.nodes
  const mayWrite = useMay('WEBHOOKS_WRITE')
  return (
    <Page title="Webhooks">
      <p>Events are posted to an endpoint as they happen, signed by its secret.</p>
      {!endpoints ? (
        <QueryState state={state} what="endpoints" />
      ) : (
        <>
          {endpoints.length === 0 && <p>There is no endpoint yet.</p>}
          <ul className="cards">
            {endpoints.map((endpoint) => (
              <Endpoint key={endpoint.id} endpoint={endpoint} mayWrite={mayWrite} />
            ))}
          </ul>
          {mayWrite && <NewEndpoint />}
          <Deliveries endpoints={endpoints} mayWrite={mayWrite} />
        </>
      )}
    </Page>
  )
}

function Endpoint({ endpoint, mayWrite }: { endpoint: EndpointFieldsFragment; mayWrite: boolean }) {
  const { id, version: expectedVersion, isActive, eventTypes } = endpoint
  const verb = isActive ? 'Pause' : 'Activate'
  const ping = useAct(PingWebhookEndpointDocument)
  const change = useAct(SaveWebhookEndpointDocument)
  return (
    <li>
      <h2>{endpoint.description ?? 'Endpoint'}</h2>
      <p>
        <code>{endpoint.url}</code>
      </p>
      <p className="badges">
        <Verdict isGood={isActive} good="Active" bad="Not active" />
        {endpoint.disabledReason && <Badge kind="bad">Disabled: {words(endpoint.disabledReason)}</Badge>}
        {endpoint.failingSince && <Badge kind="bad">Failing since {time(endpoint.failingSince)}</Badge>}
        <Badge kind="plain">{eventTypes ? count(eventTypes.length, 'type', 'types') + ' of events' : 'All events'}</Badge>
      </p>
      <p>
        {number(endpoint.pendingCount)} waiting
        {endpoint.lastSuccessAt && ` · last accepted ${time(endpoint.lastSuccessAt)}`}
      </p>
      {mayWrite && (
        <div className="actions">
          <ReasonedButton
            label={`Send a test to ${endpoint.url}`}
            reasons={isActive ? [] : ['The endpoint is not active.']}
            onClick={() => void ping.act({ input: { id } })}
          >
            Send a test
          </ReasonedButton>
          <ReasonedButton
            label={`${verb} ${endpoint.url}`}
            onClick={() => void change.act({ input: { id, expectedVersion, isActive: !isActive } })}
          >
            {verb}
          </ReasonedButton>
        </div>
      )}
      <FaultSummary faults={[...ping.faults, ...change.faults]} />
    </li>
  )
}

/** The secret of a new endpoint is in the answer to its creation, and nowhere else. */
function NewEndpoint() {
  const { act, ...state } = useAct(SaveWebhookEndpointDocument)
  const { typesOf } = useEventTypes()
  const [secret, setSecret] = useState<string | null>(null)

  async function save(form: FormData) {
    const [url, description] = [textOf(form, 'url'), textOf(form, 'description')]
    const saved = await act({ input: { url, description, eventTypes: typesOf(textOf(form, 'eventTypes')) } })
    if (saved?.secret) setSecret(saved.secret)
  }

  return (
    <Section title="Add an endpoint">
      {secret ? (
        <div role="alert" className="note">
          <p>The endpoint was added. Store its secret now: it is shown only this once.</p>
          <p>
            <code>{secret}</code>
          </p>
          <p className="actions">
            <button type="button" autoFocus onClick={() => void navigator.clipboard.writeText(secret)}>
              Copy the secret
            </button>
            <Button onClick={() => setSecret(null)}>I have stored it</Button>
          </p>
        </div>
      ) : (
        <Form label="Add an endpoint" submit="Add the endpoint" {...state} onSubmit={save}>
          <div className="row">
            <TextField name="url" label="URL" hint="https, with a public host name" type="url" />
            <TextField name="description" label="What it is for" />
            <EventTypeField name="eventTypes" label="Events" hint="Which are sent" />
          </div>
        </Form>
      )}
    </Section>
  )
}

type Delivery = NonNullable<WebhookDeliveriesQuery['webhookDeliveries']>['nodes'][number]

/** There is no subscription to deliveries, so the page asks for them again and again. */
function Deliveries({ endpoints, mayWrite }: { endpoints: readonly EndpointFieldsFragment[]; mayWrite: boolean }) {
  const { query } = useRoute()
  const [endpointId, outcome] = [query.get('endpoint'), query.get('outcome')]
  const filter = { endpointId, outcomes: outcome ? [outcome as WebhookDeliveryOutcome] : null }
  const [state, reload] = useQuery({ query: WebhookDeliveriesDocument, variables: { ...pageOf(query), filter } })
  const { act, faults } = useAct(RedeliverWebhooksDocument)
  const page = state.data?.webhookDeliveries

  useEffect(() => {
    const timer = setInterval(() => reload({ requestPolicy: 'network-only' }), POLL_MS)
    return () => clearInterval(timer)
  }, [reload])

  return (
    <Section title="Deliveries">
      <FilterForm label="Filter deliveries">
        <SelectField
          name="endpoint"
          label="Endpoint"
          empty="All"
          value={endpointId}
          options={endpoints.map((one) => [one.id, one.description ?? one.url])}
        />
        <SelectField name="outcome" label="Outcome" empty="All" value={outcome} options={options(OUTCOMES)} />
      </FilterForm>
      <FaultSummary faults={faults} />
      {!page ? (
        <QueryState state={state} what="deliveries" />
      ) : page.nodes.length === 0 ? (
        <p>There are no such deliveries.</p>
      ) : (
        <Table
          label="What was sent"
          head={['Event', 'Outcome', 'Answer', 'Attempts', 'Next attempt', 'Added', ...(mayWrite ? ['Act'] : [])]}
          rows={page.nodes.map((row) => {
            const cells = cellsOf(row)
            if (mayWrite && row.cause === 'PING') cells.push(null)
            if (mayWrite && row.cause !== 'PING') {
              cells.push(
                <ReasonedButton
                  label={`Send again: ${nameOf(row)}, ${time(row.createdAt)}`}
                  reasons={row.outcome === 'PENDING' ? ['It is still being sent.'] : []}
                  onClick={() => void act({ input: { deliveryIds: [row.id] } })}
                >
                  Send again
                </ReasonedButton>,
              )
            }
            return { key: row.id, cells }
          })}
        />
      )}
      {page && <Pages info={page.pageInfo} />}
    </Section>
  )
}

const nameOf = (row: Delivery) => words(row.eventType ?? row.cause)

function cellsOf(row: Delivery): ReactNode[] {
  const { customerId, outcome, nextAttemptAt } = row
  const last = row.attempts.at(-1)
  return [
    <>
      {customerId ? <a href={`#/customers/${customerId}`}>{nameOf(row)}</a> : nameOf(row)}
      {row.cause === 'REDELIVERY' && <small> again</small>}
    </>,
    <Badge kind={KINDS[outcome]}>{words(outcome)}</Badge>,
    <>
      {[last?.statusCode, last?.error && words(last.error)].filter(Boolean).join(' · ') || '–'}
      {last?.answer && <code className="answer">{last.answer.slice(0, MAX_SHOWN)}</code>}
    </>,
    row.attempts.length,
    nextAttemptAt && time(nextAttemptAt),
    time(row.createdAt),
  ]
}
