/**
 * Trace checking: recorded events against lifecycles, this version or the next. Pure: no file, no
 * database, no broker.
 *
 * @module
 */
export { traceCheck } from './trace-check.js';
export type { TraceCheck } from './trace-check.js';
export type { TraceOptions } from './trace-options.js';
export { traceFaults } from './trace-fault.js';
export type { TraceFault, TraceFaultCode } from './trace-fault.js';
export type { LifecycleTrace, StateDwell, TraceReport, TransitionCount } from './trace-report.js';
export { parseTraceLine } from './trace-line.js';
export { traceMarkdown } from './trace-markdown.js';
export { traceText } from './trace-text.js';
