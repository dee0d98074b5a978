/** The feed of events: the newest ones, followed as they happen, and earlier ones page by page. */
import { useState } from 'react'
import { useQuery, useSubscription, type CombinedError } from 'urql'
import {
  EventsDocument,
  FollowEventsDocument,
  type EventFieldsFragment,
  type EventType,
  type FollowEventsSubscription,
} from '../generated/graphql'
import { EventTypeField, useEventTypes } from '../parts/event-types'
import { FilterForm } from '../parts/form'
import { Ended, type ImportEnd } from '../parts/import-end'
import { Badge, Button, LinkButton, Page, PAGE_SIZE, Problem, QueryState, Table } from '../parts/page'
import { address, go, useRoute } from '../router'
import { count, time, words } from '../words'

export function Events() {
  const { query } = useRoute()
  const [type, before] = [query.get('type'), query.get('before')]
  const { isLoaded, typesOf } = useEventTypes()
  const types = typesOf(type)
  const [round, setRound] = useState(0)

  function restart() {
    setRound(round + 1)
    go('events', { type })
  }

  return (
    <Page title="Events">
      <FilterForm label="Filter events"><EventTypeField name="type" label="Type" value={type} /></FilterForm>
      {!isLoaded ? (
        <QueryState state={{ fetching: true }} what="events" />
      ) : types?.length === 0 ? (
        <div role="alert" className="problem">
          <p>No type of events that you may read is called “{type}”. Choose one from the list.</p>
        </div>
      ) : (
        <Feed key={`${query} ${round}`} type={type} types={types} before={before} onRestart={restart} />
      )}
    </Page>
  )
}

const MAX_NEWS = 200

/** Add an event to the newest of those that came before it. */
const gather = (seen: readonly EventFieldsFragment[] = [], { events }: FollowEventsSubscription) =>
  events ? [events.node, ...seen].slice(0, MAX_NEWS) : seen

type Place = { type: string | null; types: EventType[] | null; before: string | null }

function Feed({ type, types, before, onRestart }: Place & { onRestart: () => void }) {
  const [state] = useQuery({
    query: EventsDocument,
    variables: { last: PAGE_SIZE, before, types },
    requestPolicy: 'network-only',
  })
  const page = state.data?.events
  // The list says up to where it has read, and the subscription goes on from there: nothing is missed.
  const [{ data: news = [], error }] = useSubscription(
    {
      query: FollowEventsDocument,
      variables: { after: page?.pageInfo.endCursor ?? null, types },
      pause: !page || before !== null,
    },
    gather,
  )
  const fault = state.error ?? error
  if (fault && isExpired(fault)) {
    return (
      <div role="alert" className="problem">
        <p>The events after this place are no longer stored, so some of them cannot be shown.</p>
        <Button onClick={onRestart}>Go on from the newest event</Button>
      </div>
    )
  }
  if (!page) return <QueryState state={state} what="events" />
  const events = [...new Map([...news, ...page.nodes.toReversed()].map((one) => [one.id, one])).values()]
  return (
    <>
      <p role="status">
        {before === null ? (
          `${count(news.length, 'new event')}${news.length < MAX_NEWS ? '' : ' or more'} since this page was opened.`
        ) : (
          <a href={address('events', { type })}>Show the newest events</a>
        )}
      </p>
      {error && <Problem error={error} />}
      {events.length === 0 && <p>No such events on this page.</p>}
      <Table
        label="Events"
        head={['Event', 'About', 'When', 'Details']}
        rows={events.map((event) => ({
          key: event.id,
          cells: [
            <>
              {words(event.type)} {news.includes(event) && <Badge kind="good">new</Badge>}
            </>,
            subjectOf(event),
            time(event.at),
            event.type === 'IMPORT_FINISHED' ? (
              <Ended {...(event.payload as ImportEnd)} />
            ) : (
              event.changedFields.join(', ') || null
            ),
          ],
        }))}
      />
      {page.pageInfo.hasPreviousPage && (
        <LinkButton href={address('events', { type, before: page.pageInfo.startCursor })}>Earlier events</LinkButton>
      )}
    </>
  )
}

function subjectOf({ type, subjectId, payload, customer, customerId }: EventFieldsFragment) {
  if (type === 'IMPORT_FINISHED') {
    return <a href={`#/imports/${subjectId}`}>{(payload as ImportEnd).isDryRun ? 'Check (dry run)' : 'Import'}</a>
  }
  return customer ? <a href={`#/customers/${customer.id}`}>{customer.name}</a> : customerId
}

const isExpired = (error: CombinedError) =>
  error.graphQLErrors.some((one) => one.extensions.code === 'CURSOR_EXPIRED')
