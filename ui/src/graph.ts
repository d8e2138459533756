import { count } from './format'
import type { FlowEdge, FlowGraph, Span } from './types'

/** What became of each step in one trace: how its last attempt ended, and how many there were. */
export type Overlay = ReadonlyMap<string, { status: string; attempts: number }>

export function overlay(spans: Span[]): Overlay {
  const found = new Map<string, { status: string; attempts: number }>()
  for (const span of [...spans].sort((a, b) => a.offset_us - b.offset_us)) {
    found.set(span.step, { status: span.status, attempts: Math.max(span.attempt ?? 1, found.get(span.step)?.attempts ?? 0) })
  }
  return found
}

/** The arrows to draw: what was seen of a declared one is told at that one, and is no second arrow. */
export function arrows(graph: FlowGraph): FlowEdge[] {
  const way = (edge: FlowEdge) => JSON.stringify([edge.source, edge.target, edge.topic])
  const declared = new Set(graph.edges.filter((edge) => edge.kind === 'queue').map(way))
  return graph.edges.filter((edge) => edge.kind !== 'observed' || edge.via !== 'queue' || !declared.has(way(edge)))
}

/** What stands at an arrow: what goes there, and how much of it was seen. */
export const labelOf = (edge: FlowEdge): string => (edge.count ? `${edge.label} · ${count(edge.count)}` : edge.label)

/** The flow as a Mermaid flowchart, to paste where that is drawn. */
export function mermaid(graph: FlowGraph): string {
  const ids = new Map(graph.nodes.map((node, index) => [node.id, `n${index}`]))
  const nodes = graph.nodes.map((node) => `  ${ids.get(node.id)}["${escaped([node.name, ...node.triggers.map((one) => one.label)].join(' · '))}"]`)
  const edges = arrows(graph).map((edge) => {
    const arrow = edge.conditional || edge.kind === 'virtual' || edge.kind === 'observed' ? '-.->' : '-->'
    return `  ${ids.get(edge.source)} ${arrow}|"${escaped(labelOf(edge))}"| ${ids.get(edge.target)}`
  })
  return ['flowchart LR', ...nodes, ...edges, ''].join('\n')
}

// As motia.web.graph does: a name ends no label and starts no markup.
function escaped(text: string): string {
  const marks: Record<string, string> = { '&': '#amp;', '"': '#quot;', '<': '#lt;', '>': '#gt;', '#': '#35;', '`': '#96;' }
  return [...text].map((char) => marks[char] ?? char).join('')
}
