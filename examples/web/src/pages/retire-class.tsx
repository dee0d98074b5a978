/** Retires a customer class. A dry run lists the effects before the button is offered. */
import { useEffect, useState } from 'react'
import { useQuery } from 'urql'
import {
  PreviewRetirementDocument,
  RetireCustomerClassDocument,
  RetirabilityDocument,
  type RetirementEffectsFragment,
} from '../generated/graphql'
import { ClassField, FaultSummary, Form, TextField, textOf, useAct } from '../parts/form'
import { Page, QueryState, Section } from '../parts/page'
import { go } from '../router'
import { count } from '../words'

export function RetireClass({ id }: { id: string }) {
  const [replacementId, setReplacement] = useState<string | null>(null)
  const [query] = useQuery({ query: RetirabilityDocument, variables: { id, replacementId } })
  const preview = useAct(PreviewRetirementDocument)
  const { act, ...state } = useAct(RetireCustomerClassDocument)
  const [effects, setEffects] = useState<RetirementEffectsFragment>()
  const stored = query.data?.customerClass
  const isAllowed = stored?.retirability?.isAllowed === true && !query.stale
  const { act: dryRun } = preview

  useEffect(() => {
    setEffects(undefined)
    if (!isAllowed) return
    let isCurrent = true
    const input = { id, replacementId, reason: 'Dry run', dryRun: true }
    void dryRun({ input }).then((found) => isCurrent && setEffects(found))
    return () => {
      isCurrent = false
    }
    // `dryRun` is made anew with each render, and sends the same mutation.
  }, [id, replacementId, isAllowed])

  async function retire(form: FormData) {
    const reason = textOf(form, 'reason') ?? ''
    const expectedVersion = stored?.version ?? null
    if (await act({ input: { id, replacementId, reason, expectedVersion } })) go('classes')
  }

  if (!stored) {
    return (
      <Page title="Retire a class"><QueryState state={query} what="the class" /></Page>
    )
  }
  return (
    <Page title={`Retire ${stored.name}`}>
      <p>A retired class is kept for history and cannot be chosen for customers any more.</p>
      <ClassField
        name="replacementId"
        label="Replacement"
        hint="The class that the customers move to"
        empty="None"
        without={id}
        onChange={(value) => setReplacement(value || null)}
      />
      <Section title="What will happen">
        <div role="status">
          {effects ? (
            <Effects effects={effects} />
          ) : (
            (stored.retirability?.blockers ?? []).map((blocker) => (
              <p key={blocker.code}>{blocker.message}</p>
            ))
          )}
        </div>
        <FaultSummary faults={preview.faults} />
      </Section>
      {effects && (
        <Form label="Retire the class" submit="Retire the class" {...state} onSubmit={retire}>
          <TextField name="reason" label="Reason" hint="It is kept in the audit trail" />
        </Form>
      )}
    </Page>
  )
}

function Effects({ effects }: { effects: RetirementEffectsFragment }) {
  const names = (templates: readonly { name: string }[]) => templates.map((one) => one.name).join(', ')
  return (
    <ul>
      <li>{count(effects.movedCustomerCount, 'customer moves', 'customers move')} to the replacement.</li>
      <li>{count(effects.queuedLookupCount, 'lookup', 'lookups')} at Companies House will start.</li>
      {effects.reassignedTemplates.length > 0 && (
        <li>Templates that get the replacement: {names(effects.reassignedTemplates)}.</li>
      )}
      {effects.clearedTemplates.length > 0 && (
        <li>Templates that name no class any more: {names(effects.clearedTemplates)}.</li>
      )}
      {effects.wasPlatformDefault && <li>It is the platform’s default class, which changes too.</li>}
    </ul>
  )
}
