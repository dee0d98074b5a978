/** Values of a company profile, each with where it comes from. */
import type { EnrichmentStatus, FiledFragment, ProvenanceFragment } from '../generated/graphql'
import { day, words } from '../words'
import { Badge } from './page'

const KINDS: Partial<Record<EnrichmentStatus, 'good' | 'bad'>> = {
  SUCCEEDED: 'good',
  PARTIAL: 'good',
  FAILED: 'bad',
  NOT_FOUND: 'bad',
  NEEDS_COMPANY_NUMBER: 'bad',
}

export function StatusBadge({ status }: { status: EnrichmentStatus }) {
  return <Badge kind={KINDS[status] ?? 'plain'}>{words(status)}</Badge>
}

/** Where a value comes from, in a few words. */
export function provenance(value: ProvenanceFragment & Partial<FiledFragment>): string {
  const parts = [words(value.source)]
  if (value.periodEndOn) parts.push(`accounts to ${day(value.periodEndOn)}`)
  if (value.filedOn) parts.push(`filed ${day(value.filedOn)}`)
  if (value.isDerived) parts.push('calculated')
  if (value.retrievedAt) parts.push(`${value.source === 'USER' ? 'on' : 'retrieved'} ${day(value.retrievedAt)}`)
  return parts.join(' · ')
}
