// Checked by the compiler alone: what the API answered when the fixtures were written fits the types of this page.
import endpoints from '../fixtures/endpoints.json'
import errors from '../fixtures/errors.json'
import flow from '../fixtures/flow.json'
import flows from '../fixtures/flows.json'
import logs from '../fixtures/logs.json'
import message from '../fixtures/message.json'
import messages from '../fixtures/messages.json'
import metrics from '../fixtures/metrics.json'
import overview from '../fixtures/overview.json'
import queues from '../fixtures/queues.json'
import schedules from '../fixtures/schedules.json'
import sent from '../fixtures/sent.json'
import session from '../fixtures/session.json'
import state from '../fixtures/state.json'
import keys from '../fixtures/state-keys.json'
import value from '../fixtures/state-value.json'
import step from '../fixtures/step.json'
import streams from '../fixtures/streams.json'
import trace from '../fixtures/trace-error.json'
import recovered from '../fixtures/trace-recovered.json'
import waiting from '../fixtures/waiting.json'
import traces from '../fixtures/traces.json'
import type * as T from '../src/types'

/** JSON files know texts, and not which ones. */
type Loose<A> = A extends string ? string : A extends object ? { [K in keyof A]: Loose<A[K]> } : A

export const fits: [
  Loose<T.Session>, Loose<T.Overview>, Loose<T.FlowSummary[]>, Loose<T.FlowGraph>, Loose<T.StepDetail>,
  Loose<T.Endpoint[]>, Loose<T.Page<T.TraceSummary>>, Loose<T.Page<T.LogLine>>, Loose<T.QueueSummary[]>,
  Loose<T.Page<T.MessageSummary>>, Loose<T.MessageDetail>, Loose<T.ErrorGroup[]>, Loose<T.Schedule[]>,
  Loose<T.Page<T.Scope>>, Loose<T.Page<T.StateItem>>, Loose<T.StateItem>, Loose<T.StreamSummary[]>, Loose<T.Sent>,
  Loose<T.TraceDetail>, Loose<T.TraceDetail>, Loose<T.Page<T.MessageSummary>>,
  Loose<T.Metrics>,
] = [
  session, overview, flows, flow, step, endpoints, traces, logs, queues, messages, message, errors, schedules, state,
  keys, value, streams, sent, trace, recovered,
  waiting, metrics,
]
