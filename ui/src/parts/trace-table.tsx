import { Link } from 'wouter'
import { duration } from '../format'
import { href } from '../route'
import type { TraceSummary } from '../types'
import { Age, KindMark, Status } from './marks'

/** One line = one request, tick or message, with everything that followed from it. */
export function TraceTable({ items }: { items: TraceSummary[] }) {
  return (
    <table className="table">
      <thead>
        <tr>
          <th className="fit"><span className="hidden-text">Trigger</span></th>
          <th style={{ width: '28%' }}>Began with</th>
          <th className="fit">Status</th>
          <th>What went wrong</th>
          <th className="fit roomy">Flow</th>
          <th className="number fit roomy">Spans</th>
          <th className="number fit roomy">Retries</th>
          <th className="number fit">Duration</th>
          <th className="number fit">Began</th>
        </tr>
      </thead>
      <tbody>
        {items.map((trace) => (
          <tr key={trace.id} data-row>
            <td className="fit"><KindMark kind={trace.trigger} /></td>
            <td>
              <Link href={href(['traces', trace.id])} className="cover" data-trace={trace.id}>{trace.name}</Link>
            </td>
            <td className="fit"><Status value={trace.status} /></td>
            <td className="soft">{trace.error && <><strong>{trace.error.type}</strong> {trace.error.message}</>}</td>
            <td className="fit roomy">
              {trace.flow.slice(0, 1).map((flow) => (
                <Link key={flow} href={href(['flows', flow], { trace: trace.id })} className="chip above">{flow}</Link>
              ))}
            </td>
            <td className="number fit soft roomy">{trace.spans}</td>
            <td className="number fit soft roomy">{trace.retries || ''}</td>
            <td className="number fit">{duration(trace.duration_us)}</td>
            <td className="number fit mute"><Age at={trace.start} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
