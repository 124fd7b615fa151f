import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import type { CheckOptions } from './check-options.js';
import type { LifecycleDeclaration } from './declaration.js';

/** A lifecycle with what it is to be checked for, as a file exports it for `signalbox check`. */
export interface LifecycleCheck extends CheckOptions {
  readonly kind: 'LifecycleCheck';
  readonly lifecycle: AnyLifecycle | LifecycleDeclaration;
}

/**
 * Says what to check a lifecycle for, once for the command line and your tests. Pure; checks nothing
 * yet. Export the result, and `signalbox check <file>` uses it.
 *
 * @example
 * ```ts
 * export const doorCheck = defineCheck(door, {
 *   rules: { 'an alarm is answered': after(on('Alarm')).eventually(inState('Closed')) },
 * });
 * ```
 */
export function defineCheck(
  lifecycle: AnyLifecycle | LifecycleDeclaration,
  options: CheckOptions = {},
): LifecycleCheck {
  return Object.freeze({ ...options, kind: 'LifecycleCheck', lifecycle });
}
