import { parseSubject } from '../../core/events/create-event.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import type { Observation } from '../observation.js';

/** Returns the observation of a state event; undefined for all other events. Pure. */
export function observableOf(
  lifecycles: readonly AnyLifecycle[],
  event: SignalboxEvent,
): Observation | undefined {
  if (event.category !== 'ResourceStateEvent') return undefined;
  const { resource } = parseSubject(event.subject);
  const { event: name, old, new: to, lifecycleVersion, deadline } = event.data;
  const lifecycle = lifecycles.find(
    (each) => each.resource === resource && each.version === lifecycleVersion,
  );
  if (lifecycle === undefined || to === null) return undefined;
  return old === null
    ? { kind: 'state', lifecycle, state: to }
    : { kind: 'transition', lifecycle, from: old, event: name, deadline, to, guards: undefined };
}
