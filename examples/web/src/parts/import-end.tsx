/** How an import stands, or how it ended, in a few words. */
import type { ImportState } from '../generated/graphql'
import { count, number, words } from '../words'
import { Badge } from './page'

const KINDS: Partial<Record<ImportState, 'good' | 'bad'>> = { DONE: 'good', FAILED: 'bad', CANCELLED: 'bad' }

export const StateBadge = ({ state }: { state: ImportState }) => (
  <Badge kind={KINDS[state] ?? 'plain'}>{words(state)}</Badge>
)

export type ImportEnd = { state: ImportState; isDryRun: boolean; storedRowCount: number; failedRowCount: number }

/** The state and the rows, such as “Done  450 rows stored, 2 refused”. */
export function Ended({ state, isDryRun, storedRowCount, failedRowCount }: ImportEnd) {
  const refused = failedRowCount > 0 ? `, ${number(failedRowCount)} refused` : ''
  return (
    <>
      <StateBadge state={state} /> {count(storedRowCount, 'row')} {isDryRun ? 'can be stored' : 'stored'}
      {refused}.
    </>
  )
}
