/** Parts of all pages: heading, states of a query, facts, dialog. */
import { useEffect, useId, useRef, useState, type ReactNode } from 'react'
import type { CombinedError } from 'urql'
import type { CustomersQuery } from '../generated/graphql'
import { address, useRoute } from '../router'

let isFirstPage = true

/** A page with its heading, which gets the focus when the page opens, except for the first one. */
export function Page({ title, children }: { title: string; children: ReactNode }) {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    if (!isFirstPage) heading.current?.focus()
    isFirstPage = false
  }, [])
  useEffect(() => {
    document.title = `${title} · Customer classes`
  }, [title])
  return (
    <>
      <h1 ref={heading} tabIndex={-1}>{title}</h1>
      {children}
    </>
  )
}

export function Section({ title, children }: { title: string; children: ReactNode }) {
  const id = useId()
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  )
}

/** A table that scrolls by itself on narrow screens, also by keyboard. The first cell heads its row. */
export function Table(props: {
  label: string
  head: readonly string[]
  isBusy?: boolean
  rows: readonly { key: string | number; cells: readonly ReactNode[] }[]
}) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={props.label} aria-busy={props.isBusy}>
      <table>
        <thead><tr>{props.head.map((one) => <th key={one} scope="col">{one}</th>)}</tr></thead>
        <tbody>
          {props.rows.map(({ key, cells }) => (
            <tr key={key}>
              {cells.map((cell, index) =>
                index === 0 ? <th key={0} scope="row">{cell}</th> : <td key={index}>{cell ?? '–'}</td>,
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Links to pages or views, of which one is shown. */
export function Tabs(props: {
  label: string
  links: readonly (readonly [href: string, name: string])[]
  current: string
  onClick?: () => void
}) {
  return (
    <nav aria-label={props.label} className="tabs">
      {props.links.map(([href, name]) => (
        <a key={href} href={href} aria-current={name === props.current ? 'page' : undefined} onClick={props.onClick}>
          {name}
        </a>
      ))}
    </nav>
  )
}

export function Button({ onClick, children }: { onClick: (() => void) | undefined; children: ReactNode }) {
  return (
    <button type="button" onClick={onClick}>{children}</button>
  )
}

export function LinkButton({ href, children }: { href: string; children: ReactNode }) {
  return (
    <p><a className="button" href={href}>{children}</a></p>
  )
}

export const PAGE_SIZE = 20

/** The arguments of a page of a list, whose cursor is in the address. */
export function pageOf(query: URLSearchParams) {
  const before = query.get('before')
  return before ? { last: PAGE_SIZE, before } : { first: PAGE_SIZE, after: query.get('after') }
}

type PageInfo = NonNullable<CustomersQuery['customers']>['pageInfo']

/** Links to the pages before and after this one of the list. */
export function Pages({ info }: { info: PageInfo }) {
  const { path, query } = useRoute()
  const to = (cursor: { before?: string | null; after?: string | null }) =>
    address(path.join('/'), { ...Object.fromEntries(query), before: null, after: null, ...cursor })
  return (
    <nav aria-label="Pages" className="actions">
      {info.hasPreviousPage && (
        <a className="button" rel="prev" href={to({ before: info.startCursor })}>Previous page</a>
      )}
      {info.hasNextPage && (
        <a className="button" rel="next" href={to({ after: info.endCursor })}>Next page</a>
      )}
    </nav>
  )
}

/** What to show instead of the object of a query: it is on its way, has failed, or does not exist. */
export function QueryState(props: { state: { error?: CombinedError; fetching: boolean }; what: string }) {
  if (props.state.error) return <Problem error={props.state.error} />
  if (props.state.fetching) return <p role="status">Loading {props.what} …</p>
  return (
    <div role="alert" className="problem">
      <p>Cannot find {props.what}. The address is wrong, it was deleted, or you may not see it.</p>
    </div>
  )
}

/** An error of the whole request, with the id under which the operator finds it in the logs. */
export function Problem({ error }: { error: CombinedError }) {
  const requestId = error.graphQLErrors[0]?.extensions.requestId
  return (
    <div role="alert" className="problem">
      <p>{messageOf(error)}</p>
      {typeof requestId === 'string' && <p>Request {requestId}</p>}
    </div>
  )
}

export function messageOf(error: CombinedError): string {
  if (error.networkError) return 'The API cannot be reached. Check that it runs, and try again.'
  return [...new Set(error.graphQLErrors.map((one) => one.message))].join(' ')
}

export function Badge({ kind, children }: { kind: 'good' | 'bad' | 'plain'; children: ReactNode }) {
  return <span className={`badge ${kind}`}>{children}</span>
}

export function Verdict({ isGood, good, bad }: { isGood: boolean; good: string; bad: string }) {
  return <Badge kind={isGood ? 'good' : 'bad'}>{isGood ? good : bad}</Badge>
}

type ButtonProps = {
  children: ReactNode
  label?: string
  reasons?: readonly string[]
  onClick: () => void
}

/**
 * A button that says why it cannot be used. It stays in the tab order, so that keyboard and screen
 * reader find the reasons too.
 */
export function ReasonedButton({ children, label, reasons = [], onClick }: ButtonProps) {
  const id = useId()
  const isBlocked = reasons.length > 0
  return (
    <span className="reasoned">
      <button
        type="button"
        aria-label={label}
        aria-disabled={isBlocked}
        aria-describedby={isBlocked ? id : undefined}
        onClick={isBlocked ? undefined : onClick}
      >
        {children}
      </button>
      {isBlocked && <small id={id} className="reasons">{reasons.join(' ')}</small>}
    </span>
  )
}

/** A button that first asks, in a modal dialog, what its user may regret. */
export function ConfirmedButton({ question, action, onClick, ...props }: ButtonProps & { question: string; action: string }) {
  const [isAsking, setAsking] = useState(false)
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => dialog.current?.showModal(), [isAsking])
  function confirm() {
    setAsking(false)
    onClick()
  }
  return (
    <>
      <ReasonedButton {...props} onClick={() => setAsking(true)} />
      {isAsking && (
        <dialog ref={dialog} aria-labelledby={id} onClose={() => setAsking(false)}>
          <p id={id}>{question}</p>
          <p className="actions">
            <button type="button" className="danger" onClick={confirm}>{action}</button>
            <Button onClick={() => dialog.current?.close()}>Cancel</Button>
          </p>
        </dialog>
      )}
    </>
  )
}
