import type { FlowGraph, Span } from './types'

/** What became of each step in one trace: how its last attempt ended, and how many there were. */
export type Overlay = ReadonlyMap<string, { status: string; attempts: number }>

export function overlay(spans: Span[]): Overlay {
  const found = new Map<string, { status: string; attempts: number }>()
  for (const span of [...spans].sort((a, b) => a.offset_us - b.offset_us)) {
    found.set(span.step, { status: span.status, attempts: Math.max(span.attempt ?? 1, found.get(span.step)?.attempts ?? 0) })
  }
  return found
}

/** The flow as a Mermaid flowchart, to paste where that is drawn. */
export function mermaid(graph: FlowGraph): string {
  const ids = new Map(graph.nodes.map((node, index) => [node.id, `n${index}`]))
  const nodes = graph.nodes.map((node) => `  ${ids.get(node.id)}["${escaped([node.name, ...node.triggers.map((one) => one.label)].join(' · '))}"]`)
  const edges = graph.edges.map((edge) => {
    const arrow = edge.conditional || edge.kind === 'virtual' ? '-.->' : '-->'
    return `  ${ids.get(edge.source)} ${arrow}|"${escaped(edge.label)}"| ${ids.get(edge.target)}`
  })
  return ['flowchart LR', ...nodes, ...edges, ''].join('\n')
}

// As motia.web.graph does: a name ends no label and starts no markup.
function escaped(text: string): string {
  const marks: Record<string, string> = { '&': '#amp;', '"': '#quot;', '<': '#lt;', '>': '#gt;', '#': '#35;', '`': '#96;' }
  return [...text].map((char) => marks[char] ?? char).join('')
}
