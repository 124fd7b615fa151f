/**
 * Checks lifecycles before anything runs: their shape, their guards, what they announce, the
 * conservation of usage meters, and rules of your own over every path. No database, no broker.
 *
 * @module
 */
export { checkLifecycle } from './check-lifecycle.js';
export type { CheckReport } from './check-lifecycle.js';
export type { CheckOptions } from './check-options.js';
export { defineCheck } from './define-check.js';
export type { LifecycleCheck } from './define-check.js';
export type {
  CheckedState,
  DeclaredState,
  DeclaredTransition,
  LifecycleDeclaration,
} from './declaration.js';
export { findingKinds } from './finding-codes.js';
export type { FindingCode, Severity } from './finding-codes.js';
export type { Finding, Place } from './finding.js';
export type { TraceStep } from './trace.js';
export type { Meter } from './meter.js';
export type { SuppressedFinding, Suppression } from './suppression.js';

// Rules
export { after, always, before, eventually, never } from './rule.js';
export type { AfterScope, BeforeScope, EventuallyOptions, Rule, UntilScope } from './rule.js';
export {
  allOf,
  announces,
  anyOf,
  entering,
  inState,
  leaving,
  not,
  on,
  tagged,
} from './predicate.js';
export type { Mentions, Moment, Predicate } from './predicate.js';

// Reports
export { checkMarkdown } from './report-markdown.js';
export { checkText } from './report-text.js';
