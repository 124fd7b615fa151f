import { ConfigurationError } from '../../core/errors/errors.js';
import { nearestName } from '../../core/errors/nearest-name.js';
import { deadlineExceeded } from '../../core/lifecycle/lifecycle.js';
import type { CheckOptions } from './check-options.js';
import type { CheckedLifecycle } from './declaration.js';

/**
 * Checks that meters, rules and failure events name states and events that exist: a misspelt name would
 * make a rule hold for the wrong reason. Pure. Throws ConfigurationError CONFIG_VALUE_INVALID.
 */
export function assertNames(
  { resource, states, events, transitions }: CheckedLifecycle,
  { meters = [], rules = {}, failureEvents = [] }: CheckOptions,
): void {
  const stateNames = [...new Set(states.flatMap(({ name, parts }) => [name, ...parts]))];
  const eventNames = [...events, deadlineExceeded];
  for (const { name, openIn = [], closedIn = [], starts, stops } of meters) {
    const key = `The meter ${name}`;
    assertKnown(key, 'state', [...openIn, ...closedIn], stateNames, resource);
    const both = openIn.find((state) => closedIn.includes(state));
    if (both !== undefined) throw invalid(`${key} must be open and closed in ${both}.`, both);
    const ambiguous = starts.find((type) => stops.includes(type));
    if (ambiguous !== undefined) {
      throw invalid(`${key} is both started and stopped by ${ambiguous}.`, ambiguous);
    }
    const announced = new Set(
      transitions.flatMap(({ effects = [] }) => effects.map(({ type }) => type)),
    );
    if (![...starts, ...stops].some((type) => announced.has(type))) {
      throw invalid(
        `${key} counts ${[...starts, ...stops].join(', ')}, none of which a transition of ${resource} announces.`,
        name,
      );
    }
  }
  for (const [name, { mentions }] of Object.entries(rules)) {
    const key = `The rule '${name}'`;
    assertKnown(key, 'state', mentions.states ?? [], stateNames, resource);
    assertKnown(key, 'event', mentions.events ?? [], eventNames, resource);
  }
  assertKnown('failureEvents', 'event', failureEvents, eventNames, resource);
}

function assertKnown(
  key: string,
  kind: 'state' | 'event',
  names: readonly string[],
  known: readonly string[],
  resource: string,
): void {
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearestName(unknown, known);
  throw invalid(
    `${key} names the ${kind} '${unknown}', which ${resource} does not have.${near === undefined ? '' : ` Did you mean '${near}'?`}`,
    unknown,
  );
}

function invalid(message: string, value: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', message, { parameters: { value } });
}
