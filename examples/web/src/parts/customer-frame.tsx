/** The heading of a customer's pages, with links between them. */
import type { ReactNode } from 'react'
import type { CustomerSummaryFragment } from '../generated/graphql'
import { Page } from './page'

const TABS = [
  ['', 'Details'],
  ['/contacts', 'Contacts'],
  ['/consent', 'Consent'],
  ['/delivery', 'Delivery'],
] as const

export function CustomerFrame(props: {
  id: string
  tab: (typeof TABS)[number][1]
  customer: CustomerSummaryFragment | null | undefined
  children: ReactNode
}) {
  const { customer } = props
  return (
    <Page title={customer ? customer.name : 'Customer'}>
      {customer && (
        <p>
          {customer.accountNumber} · {customer.customerClass.name}
        </p>
      )}
      <nav aria-label="Customer" className="tabs">
        {TABS.map(([path, name]) => (
          <a
            key={name}
            href={`#/customers/${props.id}${path}`}
            aria-current={name === props.tab ? 'page' : undefined}
          >
            {name}
          </a>
        ))}
      </nav>
      {props.children}
    </Page>
  )
}
