import dagre from '@dagrejs/dagre'
import { Background, BaseEdge, Controls, Handle, MarkerType, Position, ReactFlow, type Edge, type EdgeProps, type Node, type NodeProps, type ReactFlowInstance } from '@xyflow/react'
import '@xyflow/react/dist/base.css'
import '../styles/diagram.css'
import { memo, useMemo, useRef, useSyncExternalStore } from 'react'
import { count, milliseconds, percent } from '../format'
import { arrows, labelOf, type Overlay } from '../graph'
import { Icon } from '../parts/icons'
import { KindMark, Status } from '../parts/marks'
import { themeNow } from '../parts/theme'
import type { FlowEdge, FlowGraph, FlowNode } from '../types'

const WIDTH = 208
const HEIGHT = 70
const LINE = 18

const PLACE_HEIGHT = 36
const SWING = 70

interface Place {
  x: number
  y: number
}
/** Where the steps stand, and where what is said of each arrow. */
interface Places {
  nodes: Map<string, Place>
  labels: Map<string, Place>
}
type Arrow = Edge<{ at: Place | undefined }, 'arrow'>
type StepNode = Node<{ step: FlowNode; run: { status: string; attempts: number } | null; isDim: boolean }, 'step'>

const isPlace = (node: FlowNode): boolean => node.kind === 'state' || node.kind === 'stream'
const heightOf = (node: FlowNode): number => (isPlace(node) ? PLACE_HEIGHT : HEIGHT + LINE * Math.max(0, node.triggers.length - 1))

/** Left to right, from what begins to what follows; every label has room of its own. */
function placed(graph: FlowGraph): Places {
  const layout = new dagre.graphlib.Graph({ multigraph: true })
  layout.setGraph({ rankdir: 'LR', nodesep: 26, ranksep: 44, edgesep: 14, marginx: 20, marginy: 20 })
  layout.setDefaultEdgeLabel(() => ({}))
  for (const node of graph.nodes) layout.setNode(node.id, { width: WIDTH, height: heightOf(node) })
  for (const edge of arrows(graph)) layout.setEdge(edge.source, edge.target, { width: 6.6 * labelOf(edge).length + 16, height: 16, labelpos: 'c' }, edge.id)
  dagre.layout(layout)
  const nodes = new Map(graph.nodes.map((node) => {
    const found = layout.node(node.id) as Place
    return [node.id, { x: found.x - WIDTH / 2, y: found.y - heightOf(node) / 2 }]
  }))
  return { nodes, labels: new Map(arrows(graph).map((edge) => [edge.id, labelAt(edge, nodes) ?? (layout.edge(edge.source, edge.target, edge.id) as Place)])) }
}

/** Below the step for what it sends to itself; else where the layout says. */
function labelAt(edge: FlowEdge, nodes: Map<string, Place>): Place | null {
  const own = nodes.get(edge.source)
  return edge.source === edge.target && own ? { x: own.x + WIDTH / 2, y: own.y + HEIGHT + 20 } : null
}

const LEAST = 0.72
const EDGE = 20

/** All of it where it can be read, else its beginning at the left. */
function begin(flow: ReactFlowInstance<StepNode, Arrow>, frame: HTMLDivElement | null, { nodes: places }: Places): void {
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
  const shape = JSON.stringify([of.nodes.map((node) => [node.id, node.triggers.length]), arrows(of).map((edge) => edge.id)])
  const places = useMemo(() => placed(of), [shape])
  const frame = useRef<HTMLDivElement>(null)
  const nodes: StepNode[] = of.nodes.map((node) => ({
    id: node.id,
    type: 'step',
    position: places.nodes.get(node.id) ?? { x: 0, y: 0 },
    width: WIDTH,
    height: heightOf(node),
    selected: node.name === chosen,
    selectable: !isPlace(node),
    ariaLabel: isPlace(node) ? `Changes of ${node.name}` : `${node.name}: ${node.triggers.map((trigger) => trigger.label).join(', ')}`,
    data: { step: node, run: path?.get(node.name) ?? null, isDim: path !== null && !path.has(node.name) },
  }))
  const drawn = arrows(of)
  const edges = drawn.map((edge) => edgeOf(edge, places.labels.get(edge.id), of, path))
  return (
    <div className="diagram" ref={frame}>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={TYPES}
        edgeTypes={ARROWS}
        colorMode={useColours()}
        onInit={(flow) => begin(flow, frame.current, places)}
        minZoom={0.15}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        elementsSelectable
        proOptions={{ hideAttribution: true }}
        onNodeClick={(_, node) => isPlace(node.data.step) || choose(node.data.step.name)}
        onPaneClick={() => choose(null)}
        onSelectionChange={({ nodes: [node] }) => node && !isPlace(node.data.step) && node.data.step.name !== chosen && choose(node.data.step.name)}
      >
        <Background gap={22} size={1} />
        <Controls showInteractive={false} />
      </ReactFlow>
      <Legend kinds={new Set(drawn.flatMap(sortsOf))} />
    </div>
  )
}

/** How an arrow is drawn, in the words of the legend. */
function sortsOf(edge: FlowEdge): string[] {
  const sort = edge.conditional ? 'conditional' : edge.kind
  return edge.kind !== 'observed' && edge.count ? [sort, 'seen'] : [sort]
}

function edgeOf(edge: FlowEdge, at: Place | undefined, of: FlowGraph, path: Overlay | null): Arrow {
  const name = (id: string) => of.nodes.find((node) => node.id === id)?.name ?? ''
  const isDim = path !== null && !(path.has(name(edge.source)) && path.has(name(edge.target)))
  return {
    id: edge.id,
    type: 'arrow',
    source: edge.source,
    target: edge.target,
    label: labelOf(edge),
    data: { at },
    className: `edge edge-${edge.kind} ${sortsOf(edge).map((sort) => `edge-${sort}`).join(' ')} ${isDim ? 'is-dim' : ''}`,
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14 },
  }
}

/** Through its label, so that two arrows between the same steps are two lines. */
function Bent({ sourceX, sourceY, targetX, targetY, data, label, markerEnd }: EdgeProps<Arrow>) {
  const { x, y } = data?.at ?? { x: (sourceX + targetX) / 2, y: (sourceY + targetY) / 2 }
  const isForward = sourceX < x && x < targetX
  const [before, after] = isForward ? [(x - sourceX) / 2, (targetX - x) / 2] : [SWING, SWING]
  const into = isForward ? x - before : x + SWING
  const out = isForward ? x + after : x - SWING
  const path = `M${sourceX},${sourceY} C${sourceX + before},${sourceY} ${into},${y} ${x},${y} C${out},${y} ${targetX - after},${targetY} ${targetX},${targetY}`
  return <BaseEdge path={path} label={label} labelX={x} labelY={y} labelBgPadding={[3, 1]} markerEnd={markerEnd} />
}

const ARROWS = { arrow: Bent }

const Step = memo(function Step({ data, selected }: NodeProps<StepNode>) {
  const { step, run, isDim } = data
  const { stats } = step
  if (isPlace(step)) {
    return (
      <div className={`step step-place ${isDim ? 'is-dim' : ''}`} title={step.desc ?? undefined}>
        <div className="step-trigger"><KindMark kind={step.kind} size={12} /><span className="clip">{step.name}</span></div>
        <Handle type="source" position={Position.Right} isConnectable={false} />
      </div>
    )
  }
  return (
    <div className={`step step-${step.kind} ${selected ? 'is-chosen' : ''} ${isDim ? 'is-dim' : ''}`} title={step.desc ?? undefined}>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <div className="step-name">
        <b className="clip grow">{step.name}</b>
        {step.problems.length > 0 && <span className="tone-warn" title={step.problems.map((one) => one.detail).join('\n')}><Icon name="warn" size={13} label="Has a problem" /></span>}
        {run && <Status value={run.status} word={run.attempts > 1 ? `${run.attempts} tries` : undefined} />}
      </div>
      {step.triggers.length === 0 && <div className="step-trigger"><KindMark kind="virtual" size={12} /><span className="clip">{stats?.n ? 'no trigger' : 'outside'}</span></div>}
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

const LINES: Record<string, string> = { queue: 'message', conditional: 'not always', virtual: 'drawn only', observed: 'seen, not declared', seen: 'declared and seen', state: 'change of state', stream: 'change in a stream' }

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
