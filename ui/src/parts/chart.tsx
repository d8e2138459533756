import { useId } from 'react'
import { clock, count, milliseconds, moment, percent } from '../format'
import type { Metrics, Point } from '../types'

const WIDTH = 300
const HEIGHT = 56
const GAP = 2
const DAY_MS = 86_400_000

interface Series {
  name: string
  tone: string
  of: (point: Point) => number | null
  text: (value: number | null) => string
}

const share = (point: Point): number | null => (point.runs ? (100 * (point.errors ?? 0)) / point.runs : point.runs === null ? null : 0)

const SERIES: Series[] = [
  { name: 'Runs', tone: 'run', of: (point) => point.runs, text: (value) => count(value) },
  { name: 'Failed', tone: 'error', of: share, text: (value) => percent(value, 100) },
  { name: 'p95', tone: 'accent', of: (point) => point.p95_ms, text: (value) => milliseconds(value) },
]

/** How it went over the range: three small charts, and the same as a table. */
export function Charts({ of }: { of: Metrics }) {
  const isLong = of.points.length * of.step_ms > DAY_MS
  const when = (at: number) => (isLong ? moment(at).slice(5, 16) : clock(at).slice(0, of.step_ms < 60_000 ? 8 : 5))
  return (
    <>
      <div className="charts">
        {SERIES.map((series) => <Chart key={series.name} series={series} points={of.points} when={when} />)}
      </div>
      <details className="chart-table">
        <summary>As a table</summary>
        <table className="table">
          <thead>
            <tr><th>From</th><th className="number fit">Runs</th><th className="number fit">Failed</th><th className="number fit">p95</th></tr>
          </thead>
          <tbody>
            {[...of.points].reverse().map((point) => (
              <tr key={point.at}>
                <td>{when(point.at)}</td>
                {SERIES.map((series) => <td key={series.name} className="number fit">{series.text(series.of(point))}</td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  )
}

function Chart({ series, points, when }: { series: Series; points: Point[]; when: (at: number) => string }) {
  const id = useId()
  const values = points.map(series.of)
  const most = Math.max(0, ...values.map((value) => value ?? 0))
  const width = WIDTH / points.length
  const peak = points[values.indexOf(most)]
  const said = most > 0 && peak ? `at most ${series.text(most)}, from ${when(peak.at)}` : 'none'
  return (
    <figure className="chart" aria-labelledby={id}>
      <figcaption id={id}><b>{series.name}</b> <span className="mute">{said}</span></figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${series.name}: ${said}; last ${series.text(values.at(-1) ?? null)}`}>
        <line className="chart-base" x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
        {points.map((point, index) => {
          const value = values[index] ?? null
          const height = most > 0 ? ((HEIGHT - 2) * (value ?? 0)) / most : 0
          return (
            <g key={point.at}>
              <title>{`${when(point.at)}: ${point.runs === null ? 'not counted' : series.text(value)}`}</title>
              <rect className="chart-hover" x={index * width} y={0} width={width} height={HEIGHT} />
              {point.runs === null && <rect className="chart-unknown" x={index * width} y={HEIGHT - 4} width={width} height={4} />}
              {height > 0 && <rect className={`chart-bar chart-${series.tone}`} x={index * width + GAP / 2} y={HEIGHT - Math.max(1.5, height)} width={width - GAP} height={Math.max(1.5, height)} />}
            </g>
          )
        })}
      </svg>
      <div className="chart-ends mute" aria-hidden="true"><span>{points[0] && when(points[0].at)}</span><span>now</span></div>
    </figure>
  )
}
