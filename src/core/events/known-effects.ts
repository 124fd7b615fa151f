import { effects as anyEffects, type EffectName, type EffectParams } from '../lifecycle/effects.js';
import type { KnownActionType, KnownAlertType, KnownUsageType } from './event-types.js';

interface TypesByEffect extends Record<EffectName, string> {
  readonly usage: KnownUsageType;
  readonly alert: KnownAlertType;
  readonly action: KnownActionType;
}

/**
 * The three effects, to put into `setup({ actions: effects })`: that types the params of every
 * `{ type: 'usage', params: … }` in the machine, whose types are CloudStack's and those of
 * `CustomEventTypes`. They do nothing when run: effects are data, read when the lifecycle is defined and
 * announced in the commit of the transition.
 *
 * @example
 * ```ts
 * setup({ actions: effects }).createMachine({
 *   initial: 'Stopped',
 *   states: {
 *     Stopped: {
 *       on: {
 *         Started: {
 *           target: 'Running',
 *           actions: { type: 'usage', params: { type: 'VM.START' } },
 *         },
 *       },
 *     },
 *     Running: {},
 *   },
 * });
 * ```
 */
export const effects: {
  readonly [N in EffectName]: (snapshot: unknown, params: EffectParams<TypesByEffect[N]>) => void;
} = anyEffects;
