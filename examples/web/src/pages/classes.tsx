/** The customer classes: what each is for, and what can be done with it and why not. */
import { useState } from 'react'
import { useQuery } from 'urql'
import { useMay } from '../app'
import {
  CustomerClassesDocument,
  DeleteCustomerClassDocument,
  ReactivateCustomerClassDocument,
  type ClassStatus,
  type CustomerClassesQuery,
} from '../generated/graphql'
import { FaultSummary, useAct } from '../parts/form'
import { Badge, Button, ConfirmedButton, LinkButton, Page, QueryState, ReasonedButton, Tabs } from '../parts/page'
import { address, go, useRoute } from '../router'
import { count } from '../words'

type Row = NonNullable<CustomerClassesQuery['customerClasses']>['nodes'][number]

const STATUSES: Record<string, ClassStatus[]> = { active: ['ACTIVE'], retired: ['RETIRED'], all: ['ACTIVE', 'RETIRED'] }

export function Classes() {
  const { query } = useRoute()
  const show = query.get('show') ?? 'active'
  const [after, setAfter] = useState<string | null>(null)
  const [state] = useQuery({
    query: CustomerClassesDocument,
    variables: { statuses: STATUSES[show] ?? ['ACTIVE'], after },
  })
  const list = state.data?.customerClasses
  const mayWrite = useMay('CUSTOMER_CLASSES_WRITE')
  return (
    <Page title="Customer classes">
      <Tabs
        label="Status"
        links={Object.keys(STATUSES).map((status) => [address('classes', { show: status }), status])}
        current={show}
        onClick={() => setAfter(null)}
      />
      {mayWrite && <LinkButton href="#/classes/new">Add a class</LinkButton>}
      {!list ? (
        <QueryState state={state} what="classes" />
      ) : (
        <>
          <ul className="cards">
            {list.nodes.map((row) => (
              <ClassCard key={row.id} row={row} mayWrite={mayWrite} />
            ))}
          </ul>
          {list.pageInfo.hasNextPage && (
            <Button onClick={() => setAfter(list.pageInfo.endCursor)}>Show more classes</Button>
          )}
        </>
      )}
    </Page>
  )
}

function ClassCard({ row, mayWrite }: { row: Row; mayWrite: boolean }) {
  const removal = useAct(DeleteCustomerClassDocument)
  const revival = useAct(ReactivateCustomerClassDocument)
  const { id, version: expectedVersion } = row
  // The page of the retirement asks for a replacement, so customers in the class block nothing yet.
  const retirementBlockers = (row.retirability?.blockers ?? []).filter(
    (blocker) => blocker.code !== 'CLASS_HAS_CUSTOMERS',
  )
  return (
    <li>
      <h2>{row.name}</h2>
      <p className="badges">
        {row.status === 'RETIRED' && <Badge kind="bad">Retired</Badge>}
        {row.isPersonalCustomer && <Badge kind="plain">Private individuals</Badge>}
        {row.isSoleTrader && <Badge kind="plain">Sole traders</Badge>}
        {row.isReseller && <Badge kind="plain">Resellers</Badge>}
        {row.checkCompaniesHouse && <Badge kind="plain">Looked up at Companies House</Badge>}
      </p>
      {row.deletability && <p>{count(row.deletability.customersNowCount, 'customer')}</p>}
      {mayWrite && (
        <div className="actions">
          <a className="button" href={`#/classes/${id}`} aria-label={`Edit ${row.name}`}>Edit</a>
          {row.status === 'RETIRED' ? (
            <ReasonedButton
              label={`Reactivate ${row.name}`}
              onClick={() => void revival.act({ input: { id, expectedVersion } })}
            >
              Reactivate
            </ReasonedButton>
          ) : (
            <ReasonedButton
              label={`Retire ${row.name}`}
              reasons={retirementBlockers.map((blocker) => blocker.message)}
              onClick={() => go(`classes/${id}/retire`)}
            >
              Retire …
            </ReasonedButton>
          )}
          <ConfirmedButton
            label={`Delete ${row.name}`}
            reasons={(row.deletability?.blockers ?? []).map((blocker) => blocker.message)}
            question={`Delete the class “${row.name}”? It cannot be restored.`}
            action="Delete"
            onClick={() => void removal.act({ input: { id, expectedVersion } })}
          >
            Delete …
          </ConfirmedButton>
        </div>
      )}
      <FaultSummary faults={[...removal.faults, ...revival.faults]} />
    </li>
  )
}
