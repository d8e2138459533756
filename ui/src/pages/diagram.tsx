import dagre from '@dagrejs/dagre'
import { Background, Controls, Handle, MarkerType, Position, ReactFlow, type Edge, type Node, type NodeProps, type ReactFlowInstance } from '@xyflow/react'
import '@xyflow/react/dist/base.css'
import '../styles/diagram.css'
import { memo, useMemo, useRef, useSyncExternalStore } from 'react'
import { count, milliseconds, percent } from '../format'
import type { Overlay } from '../graph'
import { Icon } from '../parts/icons'
import { KindMark, Status } from '../parts/marks'
import { themeNow } from '../parts/theme'
import type { FlowEdge, FlowGraph, FlowNode } from '../types'

const WIDTH = 208
const HEIGHT = 70
const LINE = 18

type StepNode = Node<{ step: FlowNode; run: { status: string; attempts: number } | null; isDim: boolean }, 'step'>

const heightOf = (node: FlowNode): number => HEIGHT + LINE * Math.max(0, node.triggers.length - 1)

const labelOf = (edge: FlowEdge): string => (edge.count ? `${edge.label} · ${count(edge.count)}` : edge.label)

/** Where each step stands: left to right, from what begins to what follows. */
function placed(graph: FlowGraph): Map<string, { x: number; y: number }> {
  const layout = new dagre.graphlib.Graph({ multigraph: true })
  layout.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 44, edgesep: 14, marginx: 20, marginy: 20 })
  layout.setDefaultEdgeLabel(() => ({}))
  for (const node of graph.nodes) layout.setNode(node.id, { width: WIDTH, height: heightOf(node) })
  for (const edge of graph.edges) layout.setEdge(edge.source, edge.target, { width: 6.6 * labelOf(edge).length + 16, height: 16, labelpos: 'c' }, edge.id)
  dagre.layout(layout)
  return new Map(graph.nodes.map((node) => {
    const found = layout.node(node.id) as { x: number; y: number }
    return [node.id, { x: found.x - WIDTH / 2, y: found.y - heightOf(node) / 2 }]
  }))
}

const LEAST = 0.72
const EDGE = 20

/** All of it where it can be read, else its beginning at the left. */
function begin(flow: ReactFlowInstance<StepNode, Edge>, frame: HTMLDivElement | null, places: Map<string, { x: number; y: number }>): void {
  if (!frame) return
  const width = Math.max(...[...places.values()].map((place) => place.x + WIDTH)) + EDGE
  const height = Math.max(...[...places.values()].map((place) => place.y + HEIGHT)) + EDGE
  const zoom = Math.min(1, Math.max(LEAST, Math.min(frame.clientWidth / width, frame.clientHeight / height)))
  const x = Math.max(0, (frame.clientWidth - width * zoom) / 2)
  const y = Math.max(0, (frame.clientHeight - height * zoom) / 2)
  void flow.setViewport({ x, y, zoom })
}

interface Props {
  of: FlowGraph
  path: Overlay | null
  chosen: string | null
  choose: (step: string | null) => void
}

export default function Diagram({ of, path, chosen, choose }: Props) {
  // Where steps stand depends on the app alone: counts that change move nothing.
  const shape = JSON.stringify([of.nodes.map((node) => [node.id, node.triggers.length]), of.edges.map((edge) => edge.id)])
  const places = useMemo(() => placed(of), [shape])
  const frame = useRef<HTMLDivElement>(null)
  const nodes: StepNode[] = of.nodes.map((node) => ({
    id: node.id,
    type: 'step',
    position: places.get(node.id) ?? { x: 0, y: 0 },
    width: WIDTH,
    height: heightOf(node),
    selected: node.name === chosen,
    ariaLabel: `${node.name}: ${node.triggers.map((trigger) => trigger.label).join(', ')}`,
    data: { step: node, run: path?.get(node.name) ?? null, isDim: path !== null && !path.has(node.name) },
  }))
  const edges = of.edges.map((edge) => edgeOf(edge, of, path))
  return (
    <div className="diagram" ref={frame}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        colorMode={useColours()}
        onInit={(flow) => begin(flow, frame.current, places)}
        minZoom={0.15}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        elementsSelectable
        proOptions={{ hideAttribution: true }}
        onNodeClick={(_, node) => choose(node.data.step.name)}
        onPaneClick={() => choose(null)}
        onSelectionChange={({ nodes: [node] }) => node && node.data.step.name !== chosen && choose(node.data.step.name)}
      >
        <Background gap={22} size={1} />
        <Controls showInteractive={false} />
      </ReactFlow>
      <Legend kinds={new Set(of.edges.map((edge) => (edge.conditional ? 'conditional' : edge.kind)))} />
    </div>
  )
}

function edgeOf(edge: FlowEdge, of: FlowGraph, path: Overlay | null): Edge {
  const name = (id: string) => of.nodes.find((node) => node.id === id)?.name ?? ''
  const isDim = path !== null && !(path.has(name(edge.source)) && path.has(name(edge.target)))
  return {
    id: edge.id,
    source: edge.source,
    target: edge.target,
    label: labelOf(edge),
    className: `edge edge-${edge.kind} ${edge.conditional ? 'edge-conditional' : ''} ${isDim ? 'is-dim' : ''}`,
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14 },
  }
}

const Step = memo(function Step({ data, selected }: NodeProps<StepNode>) {
  const { step, run, isDim } = data
  const { stats } = step
  return (
    <div className={`step step-${step.kind} ${selected ? 'is-chosen' : ''} ${isDim ? 'is-dim' : ''}`} title={step.desc ?? undefined}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <div className="step-name">
        <b className="clip grow">{step.name}</b>
        {step.problems.length > 0 && <span className="tone-warn" title={step.problems.map((one) => one.detail).join('\n')}><Icon name="warn" size={13} label="Has a problem" /></span>}
        {run && <Status value={run.status} word={run.attempts > 1 ? `${run.attempts} tries` : undefined} />}
      </div>
      {step.triggers.length === 0 && <div className="step-trigger"><KindMark kind="virtual" size={12} /><span className="clip">outside</span></div>}
      {step.triggers.map((trigger) => (
        <div key={trigger.i} className="step-trigger"><KindMark kind={trigger.type} size={12} /><span className="clip">{trigger.label}</span></div>
      ))}
      {stats !== null && stats.n > 0 && (
        <div className="step-stats">
          {count(stats.n)} {stats.n === 1 ? 'run' : 'runs'} · {stats.err > 0 ? <span className="tone-error">{percent(stats.err, stats.n)} failed</span> : '0 % failed'} · {milliseconds(stats.p95_ms)}
        </div>
      )}
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </div>
  )
})

const TYPES = { step: Step }

const LINES: Record<string, string> = { queue: 'message', conditional: 'not always', virtual: 'drawn only', observed: 'seen in traces', state: 'state', stream: 'stream' }

function Legend({ kinds }: { kinds: Set<string> }) {
  if (kinds.size < 2) return null
  return (
    <ul className="legend" aria-label="Kinds of arrows">
      {[...kinds].map((kind) => <li key={kind}><i className={`legend-${kind}`} />{LINES[kind] ?? kind}</li>)}
    </ul>
  )
}

function watchTheme(told: () => void): () => void {
  const observer = new MutationObserver(told)
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  return () => observer.disconnect()
}

function useColours(): 'light' | 'dark' | 'system' {
  const theme = useSyncExternalStore(watchTheme, themeNow)
  return theme === 'auto' ? 'system' : theme
}
