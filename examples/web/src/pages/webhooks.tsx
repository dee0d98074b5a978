/** Webhook endpoints, and what was sent to them: how it went, and a button that sends it again. */
import { useEffect, useState, type ReactNode } from 'react'
import { useQuery } from 'urql'
import { useMay } from '../app'
import {
  DeleteWebhookEndpointDocument,
  PingWebhookEndpointDocument,
  RedeliverWebhooksDocument,
  RotateWebhookSecretDocument,
  SaveWebhookEndpointDocument,
  WebhookDeliveriesDocument,
  WebhookEndpointsDocument,
  type EndpointFieldsFragment,
  type WebhookDeliveriesQuery,
  type WebhookDeliveryOutcome,
} from '../generated/graphql'
import { EventTypeField, useEventTypes } from '../parts/event-types'
import { FaultSummary, FilterForm, Form, SelectField, TextField, textOf, useAct } from '../parts/form'
import {
  Badge,
  Button,
  ConfirmedButton,
  Page,
  pageOf,
  Pages,
  QueryState,
  ReasonedButton,
  Section,
  Table,
  Verdict,
} from '../parts/page'
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
  const { id, url, version: expectedVersion, isActive, eventTypes, oldSecretExpiresAt: until } = endpoint
  const verb = isActive ? 'Switch off' : 'Switch on'
  const ping = useAct(PingWebhookEndpointDocument)
  const change = useAct(SaveWebhookEndpointDocument)
  const rotation = useAct(RotateWebhookSecretDocument)
  const removal = useAct(DeleteWebhookEndpointDocument)
  const [secret, setSecret] = useState<string | null>(null)
  const input = { id, expectedVersion }
  const hasTwoSecrets = until !== null && new Date(until) > new Date()

  async function rotate() {
    const rotated = await rotation.act({ input })
    if (rotated?.secret) setSecret(rotated.secret)
  }

  return (
    <li>
      <h2>{endpoint.description ?? 'Endpoint'}</h2>
      <p><code>{url}</code></p>
      <p className="badges">
        <Verdict isGood={isActive} good="On" bad="Off" />
        {endpoint.disabledReason && <Badge kind="bad">Disabled: {words(endpoint.disabledReason)}</Badge>}
        {endpoint.failingSince && <Badge kind="bad">Failing since {time(endpoint.failingSince)}</Badge>}
        <Badge kind="plain">{eventTypes ? count(eventTypes.length, 'type', 'types') + ' of events' : 'All events'}</Badge>
      </p>
      <p>
        {number(endpoint.pendingCount)} waiting
        {endpoint.lastSuccessAt && ` · last accepted ${time(endpoint.lastSuccessAt)}`}
      </p>
      {secret && (
        <Secret secret={secret} onStored={() => setSecret(null)}>
          The endpoint has a new secret. Until {until && time(until)} the old one signs too.
        </Secret>
      )}
      {mayWrite && (
        <div className="actions">
          <ReasonedButton
            label={`Send a test to ${url}`}
            reasons={isActive ? [] : ['The endpoint is off.']}
            onClick={() => void ping.act({ input: { id } })}
          >
            Send a test
          </ReasonedButton>
          <ReasonedButton
            label={`${verb} ${url}`}
            onClick={() => void change.act({ input: { ...input, isActive: !isActive } })}
          >
            {verb}
          </ReasonedButton>
          <ConfirmedButton
            label={`Rotate the secret of ${url}`}
            reasons={hasTwoSecrets ? [`Rotated lately; possible again from ${time(until)}.`] : []}
            question={`Give ${url} a new secret? You see it once. Deliveries are signed with the old one too for 24 hours, and until then it cannot be rotated again.`}
            action="Rotate the secret"
            onClick={() => void rotate()}
          >
            Rotate the secret …
          </ConfirmedButton>
          <ConfirmedButton
            label={`Delete ${url}`}
            question={lossOf(endpoint)}
            action="Delete the endpoint"
            onClick={() => void removal.act({ input })}
          >
            Delete …
          </ConfirmedButton>
        </div>
      )}
      <FaultSummary faults={[ping, change, rotation, removal].flatMap((one) => one.faults)} />
    </li>
  )
}

/** The question before a deletion, which says what is lost by it. */
function lossOf({ url, pendingCount }: EndpointFieldsFragment): string {
  const waiting = count(pendingCount, 'delivery that waits', 'deliveries that wait')
  return [
    `Delete the endpoint ${url}? It gets no more events, and its secret and settings are lost.`,
    pendingCount > 0 ? `${waiting} will never be sent.` : '',
    'This cannot be undone. What was sent stays listed for a while. To stop only for some time, switch it off.',
  ].join(' ')
}

/** A secret is in the answer to the mutation that made it, and nowhere else. */
function Secret(props: { secret: string; onStored: () => void; children: ReactNode }) {
  const [copied, setCopied] = useState('')
  async function copy() {
    const isCopied = await navigator.clipboard.writeText(props.secret).then(() => true, () => false)
    setCopied(isCopied ? 'Copied.' : 'The browser does not allow it. Select the secret, and copy it.')
  }
  return (
    <div role="alert" className="note">
      <p>{props.children} Store it now: it is shown only this once.</p>
      <p><code>{props.secret}</code></p>
      <p className="actions">
        <button type="button" autoFocus onClick={() => void copy()}>Copy the secret</button>
        <Button onClick={props.onStored}>I have stored it</Button>
      </p>
      {copied && <p>{copied}</p>}
    </div>
  )
}

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
        <Secret secret={secret} onStored={() => setSecret(null)}>The endpoint was added, with this secret.</Secret>
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
          head={['Event', 'Endpoint', 'Outcome', 'Answer', 'Attempts', 'Next attempt', 'Added', ...(mayWrite ? ['Action'] : [])]}
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
    row.endpoint ? (row.endpoint.description ?? row.endpoint.url) : 'deleted',
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
