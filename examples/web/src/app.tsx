/** The frame of all pages, and which page belongs to which address. */
import { createContext, useContext } from 'react'
import { useQuery } from 'urql'
import { ViewerDocument, type Scope } from './generated/graphql'
import { ClassForm } from './pages/class-form'
import { Classes } from './pages/classes'
import { Consent } from './pages/consent'
import { Contacts } from './pages/contacts'
import { Customer } from './pages/customer'
import { CustomerForm } from './pages/customer-form'
import { Customers } from './pages/customers'
import { Delivery } from './pages/delivery'
import { Events } from './pages/events'
import { Imports } from './pages/imports'
import { Reports } from './pages/reports'
import { RetireClass } from './pages/retire-class'
import { Webhooks } from './pages/webhooks'
import { Button, Page, QueryState, Tabs } from './parts/page'
import { useRoute } from './router'
import { words } from './words'

const Scopes = createContext<readonly Scope[]>([])

/** The permissions of the user; the API checks them again with each request. */
export const useHeld = () => useContext(Scopes)
export const useMay = (scope: Scope) => useHeld().includes(scope)

const READS = ['CUSTOMERS', 'CONTACTS', 'CONSENT', 'CUSTOMER_CLASSES', 'ACCESS', 'WEBHOOKS'] as const
const EVENT_SCOPES = READS.map((kind): Scope => `${kind}_READ`)
type Section = { path: string; name: string; needs: readonly Scope[] }

/** The sections, and the permissions of which each needs one. Without it, a section is not offered. */
const SECTIONS: readonly Section[] = [
  { path: 'customers', name: 'Customers', needs: [] },
  { path: 'classes', name: 'Classes', needs: [] },
  { path: 'reports', name: 'Reports', needs: ['CUSTOMERS_READ'] },
  { path: 'events', name: 'Events', needs: EVENT_SCOPES },
  { path: 'imports', name: 'Import', needs: ['CUSTOMERS_WRITE'] },
  { path: 'webhooks', name: 'Webhooks', needs: ['WEBHOOKS_READ'] },
]

export function App({ onSignOut }: { onSignOut: () => void }) {
  const [viewer] = useQuery({ query: ViewerDocument })
  const held = viewer.data?.viewer?.scopes ?? []
  const { path } = useRoute()
  const section = SECTIONS.find((one) => one.path === (path[0] ?? 'customers'))
  const isOffered = ({ needs }: Section) => needs.length === 0 || needs.some((scope) => held.includes(scope))
  return (
    <Scopes value={held}>
      <a className="skip" href="#main" onClick={skip}>Skip to content</a>
      <header>
        <p className="brand">Customer classes <small>example</small></p>
        <Tabs
          label="Main"
          links={SECTIONS.filter(isOffered).map((one) => [`#/${one.path}`, one.name])}
          current={section?.name ?? ''}
        />
        <Button onClick={onSignOut}>Sign out</Button>
      </header>
      <main id="main" tabIndex={-1}>
        {section === undefined || isOffered(section) ? (
          <Routed path={path} />
        ) : viewer.data?.viewer ? (
          <Page key={section.path} title={section.name}>
            <p>This page needs the permission “{section.needs.map(words).join('” or “')}”.</p>
          </Page>
        ) : (
          <QueryState state={viewer} what="your permissions" />
        )}
      </main>
      <footer><p>An example of a front end for this API, not a product.</p></footer>
    </Scopes>
  )
}

/** The hash is taken by the router, so the link moves the focus itself. */
function skip(event: React.MouseEvent) {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

/** The `key` of a page makes it anew for another object. */
function Routed({ path }: { path: string[] }) {
  const [section = 'customers', id, tab] = path
  if (section === 'classes') {
    if (id === undefined) return <Classes />
    if (id === 'new') return <ClassForm />
    return tab === 'retire' ? <RetireClass key={id} id={id} /> : <ClassForm key={id} id={id} />
  }
  if (section === 'reports') return <Reports />
  if (section === 'events') return <Events />
  if (section === 'imports') return <Imports id={id} />
  if (section === 'webhooks') return <Webhooks />
  if (section === 'customers') {
    if (id === undefined) return <Customers />
    if (id === 'new') return <CustomerForm />
    if (tab === undefined) return <Customer key={id} id={id} />
    if (tab === 'edit') return <CustomerForm key={id} id={id} />
    if (tab === 'contacts') return <Contacts key={id} id={id} />
    if (tab === 'consent') return <Consent key={id} id={id} />
    if (tab === 'delivery') return <Delivery key={id} id={id} />
  }
  return (
    <Page title="Not found"><p>There is no such page. <a href="#/customers">Show the customers</a></p></Page>
  )
}
