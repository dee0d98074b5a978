/** Charts without a library. To a screen reader a chart is one image; a table has the figures. */
import type { CSSProperties } from 'react'
import { brief, number } from '../words'

/** Bars with their labels above them, or columns with their labels below. */
export function Chart(props: { label: string; kind: 'bars' | 'columns'; data: [label: string, count: number][] }) {
  const most = Math.max(1, ...props.data.map(([, count]) => count))
  return (
    <div role="img" aria-label={`${props.label}. The table has the figures.`} className={`chart ${props.kind}`}>
      {props.data.map(([label, count], index) => (
        <div key={index}>
          <span>{label}</span>
          <span className="bar" style={{ '--share': count / most } as CSSProperties} />
          <b>{props.kind === 'bars' ? number(count) : brief(count)}</b>
        </div>
      ))}
    </div>
  )
}
