import { sameRoutingWords } from '../../core/events/same-routing-words.js';
import type { EventTypes } from '../../core/events/event-types.js';
import { deadlineExceeded, type Effect } from '../../core/lifecycle/lifecycle.js';
import { nearestName } from '../../core/errors/nearest-name.js';
import type { CheckedLifecycle } from './declaration.js';
import type { Findings } from './finding.js';

/** Finds events that no state takes. */
export function checkEvents(
  { resource, events, transitions }: CheckedLifecycle,
  findings: Findings,
): void {
  for (const { category, types } of sameRoutingWords({ events, transitions })) {
    findings.add(
      'SAME_ROUTING_KEY',
      category === 'ResourceStateEvent' ? { event: types[0] } : { type: types[0] },
      `${types.map((type) => `'${type}'`).join(' and ')} of ${resource} have one routing key.`,
    );
  }
  const taken = new Set(transitions.map(({ event }) => event));
  for (const event of events) {
    if (taken.has(event) || event === deadlineExceeded) continue;
    findings.add('EVENT_NOT_TAKEN', { event }, `No state of ${resource} takes ${event}.`);
  }
}

/** Finds transitions that announce nothing, and types of effects that are not among `eventTypes`, if given. */
export function checkAnnouncements(
  lifecycle: CheckedLifecycle,
  eventTypes: EventTypes | undefined,
  findings: Findings,
): void {
  const { transitions, creations } = lifecycle;
  const checkEffect = (effect: Effect, where: string, place: object): void => {
    const { category, type } = effect;
    if (eventTypes === undefined || eventTypes.has(category, type)) return;
    const near = nearestName(type, eventTypes.names(category));
    findings.add(
      'UNKNOWN_EVENT_TYPE',
      { ...place, type },
      `${where} announces the ${category} '${type}', which is not a known type.${near === undefined ? '' : ` Did you mean '${near}'?`}`,
    );
  };
  for (const { state, effects } of creations) {
    for (const effect of effects) checkEffect(effect, `The creation in ${state}`, { state });
  }
  for (const { from, event, to, effects = [], silent, declared } of transitions) {
    if (declared !== undefined) continue;
    const place = { state: from, event, to };
    if (silent === true && effects.length === 0) {
      findings.add(
        'ANNOUNCES_NOTHING',
        place,
        `${from} --${event}--> ${to} happens without a word.`,
      );
    }
    for (const effect of effects) checkEffect(effect, `${from} --${event}--> ${to}`, place);
  }
}
