/**
 * Pure functions over a lifecycle: take a step, explain a refusal, find a path. No database, no bus.
 *
 * @module
 */
export { describeLifecycle } from './describe-lifecycle.js';
export type { DescribedEffect, LifecycleDescription } from './describe-lifecycle.js';
export { explain } from './explain.js';
export type { Explanation } from './explain.js';
export { lawfulEvents } from './lawful-events.js';
export type {
  Creation,
  Deadline,
  Effect,
  EffectCategory,
  GuardCondition,
  LifecycleEvent,
  OriginCondition,
  RegionStateOf,
  StateDeclaration,
  TableGuard,
  TableRow,
  TransitionDeclaration,
} from './lifecycle.js';
export { lifecycleTable } from './lifecycle-table.js';
export { plan } from './plan.js';
export type { Plan } from './plan.js';
export type { Remembered } from './remembered.js';
export type { EventInput, Position } from './position.js';
export type { Refused } from './refusals.js';
export { creation, step, stepDeadline } from './step.js';
export type { DeadlineStep, Step } from './step.js';
export type { TypedMachine } from './define-types.js';
