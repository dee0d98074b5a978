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
import { RetireClass } from './pages/retire-class'
import { Page } from './parts/page'
import { useRoute } from './router'

const Scopes = createContext<readonly Scope[]>([])

/** Whether the user holds a permission; the API checks it again with each request. */
export const useMay = (scope: Scope) => useContext(Scopes).includes(scope)

export function App({ onSignOut }: { onSignOut: () => void }) {
  const [{ data }] = useQuery({ query: ViewerDocument })
  const { path } = useRoute()
  const section = path[0] ?? 'customers'
  return (
    <Scopes value={data?.viewer?.scopes ?? []}>
      <a className="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <header>
        <p className="brand">
          Customer classes <small>example</small>
        </p>
        <nav aria-label="Main">
          <a href="#/customers" aria-current={section === 'customers' ? 'page' : undefined}>
            Customers
          </a>
          <a href="#/classes" aria-current={section === 'classes' ? 'page' : undefined}>
            Classes
          </a>
        </nav>
        <button type="button" onClick={onSignOut}>
          Sign out
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        <Routed path={path} />
      </main>
      <footer>
        <p>An example of a front end for this API, not a product.</p>
      </footer>
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
    <Page title="Not found">
      <p>
        There is no such page. <a href="#/customers">Show the customers</a>
      </p>
    </Page>
  )
}
