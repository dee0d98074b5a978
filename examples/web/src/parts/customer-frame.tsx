/** The heading of a customer's pages, with links between them. */
import type { ReactNode } from 'react'
import type { CustomerSummaryFragment } from '../generated/graphql'
import { Page, Tabs } from './page'

const TABS = [['', 'Details'], ['/contacts', 'Contacts'], ['/consent', 'Consent'], ['/delivery', 'Delivery']] as const

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
        <p>{customer.accountNumber} · {customer.customerClass.name}</p>
      )}
      <Tabs
        label="Customer"
        links={TABS.map(([path, name]) => [`#/customers/${props.id}${path}`, name])}
        current={props.tab}
      />
      {props.children}
    </Page>
  )
}
