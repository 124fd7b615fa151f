import { defineEventTypes, type EventTypes } from '../../core/events/event-types.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { effectCategories } from '../../core/lifecycle/effects.js';
import type { Effect, GuardCondition } from '../../core/lifecycle/lifecycle.js';
import { cloudStackMeters, cloudStackUsage } from './cloudstack.js';
import type { DeclaredState, DeclaredTransition, LifecycleDeclaration } from './declaration.js';
import { defineCheck, type LifecycleCheck } from './define-check.js';

/**
 * Reads lifecycles from parsed JSON: one declaration, a list of them, what `signalbox machine --format
 * json` prints, or a table of CloudStack's (`{ lifecycles: { <resource>: … } }`, whose flagged
 * transitions get the usage events that CloudStack announces, and whose meters are checked). Pure.
 * Event types of your own stand beside (`eventTypes: { usage: ['LB.CREATE'] }`).
 * Throws ConfigurationError ARGUMENT_INVALID that names the property which does not fit.
 */
export function readDeclarations(value: unknown): readonly LifecycleCheck[] {
  if (Array.isArray(value)) {
    return value.map((item, index) => readCheck(item, `[${index}]`));
  }
  const { lifecycles, eventTypes } = asRecord(value, '');
  if (lifecycles === undefined) return [readCheck(value, '')];
  const types = readEventTypes(eventTypes, 'eventTypes');
  return Object.entries(asRecord(lifecycles, 'lifecycles')).map(([resource, table]) => {
    const where = `lifecycles.${resource}`;
    const declaration = readDeclaration({ resource, ...asRecord(table, where) }, where);
    const meters = Object.entries(cloudStackMeters).find(([name]) => name === resource)?.[1];
    return defineCheck(declaration, {
      ...(meters === undefined ? {} : { meters }),
      ...(types === undefined ? {} : { eventTypes: types }),
    });
  });
}

type Unknown = Readonly<Record<string, unknown>>;

function readCheck(value: unknown, where: string): LifecycleCheck {
  const eventTypes = readEventTypes(asRecord(value, where)['eventTypes'], at(where, 'eventTypes'));
  return defineCheck(readDeclaration(value, where), eventTypes === undefined ? {} : { eventTypes });
}

/** Event types of one's own: `{ action: […], usage: […], alert: […] }`. */
function readEventTypes(value: unknown, where: string): EventTypes | undefined {
  if (value === undefined) return undefined;
  const { action, usage, alert } = asRecord(value, where);
  const names = (kind: string, list: unknown) =>
    list === undefined ? {} : { [kind]: asTexts(list, at(where, kind)) };
  return defineEventTypes({
    ...names('action', action),
    ...names('usage', usage),
    ...names('alert', alert),
  });
}

function readDeclaration(value: unknown, where: string): LifecycleDeclaration {
  const from = asRecord(value, where);
  const resource = asText(from['resource'], at(where, 'resource'));
  const creations = from['initialStates'] ?? from['alsoBornIn'];
  const events = from['events'];
  return {
    resource,
    initial: asText(from['initial'], at(where, 'initial')),
    initialStates: creations === undefined ? [] : asTexts(creations, at(where, 'initialStates')),
    states: asList(from['states'], at(where, 'states')).map((state, index) =>
      readState(state, `${at(where, 'states')}[${index}]`),
    ),
    ...(events === undefined ? {} : { events: asTexts(events, at(where, 'events')) }),
    transitions: asList(from['transitions'], at(where, 'transitions')).map((transition, index) =>
      readTransition(resource, transition, `${at(where, 'transitions')}[${index}]`),
    ),
  };
}

function readState(value: unknown, where: string): DeclaredState {
  if (typeof value === 'string') return { name: value };
  const { name, tags, transitional, final, deadline } = asRecord(value, where);
  return {
    name: asText(name, at(where, 'name')),
    ...(tags === undefined ? {} : { tags: asTexts(tags, at(where, 'tags')) }),
    ...(transitional === undefined
      ? {}
      : { transitional: asFlag(transitional, at(where, 'transitional')) }),
    ...(final === undefined ? {} : { final: asFlag(final, at(where, 'final')) }),
    ...(typeof deadline === 'number' ? { deadline } : {}),
  };
}

function readTransition(resource: string, value: unknown, where: string): DeclaredTransition {
  const record = asRecord(value, where);
  const from = asText(record['from'], at(where, 'from'));
  const event = asText(record['event'], at(where, 'event'));
  const to = asText(record['to'], at(where, 'to'));
  const { effects, usage, guard, guards, silent } = record;
  const declared =
    effects === undefined
      ? []
      : asList(effects, at(where, 'effects')).map((effect, index) =>
          readEffect(effect, `${at(where, 'effects')}[${index}]`),
        );
  const flagged =
    usage !== undefined && asFlag(usage, at(where, 'usage'))
      ? cloudStackUsage(resource, from, to)
      : undefined;
  const conditions = readGuards(guard, guards, where);
  return {
    from,
    event,
    to,
    effects: flagged === undefined ? declared : [...declared, flagged],
    ...(conditions.length === 0 ? {} : { guards: conditions }),
    ...(silent === undefined ? {} : { silent: asFlag(silent, at(where, 'silent')) }),
  };
}

function readGuards(guard: unknown, guards: unknown, where: string): readonly GuardCondition[] {
  if (guard !== undefined) {
    return [{ name: asText(guard, at(where, 'guard')), expected: true }];
  }
  if (guards === undefined) return [];
  return asList(guards, at(where, 'guards')).map((item, index) => {
    const place = `${at(where, 'guards')}[${index}]`;
    if (typeof item === 'string') return { name: item, expected: true };
    const { name, expected } = asRecord(item, place);
    return {
      name: asText(name, at(place, 'name')),
      expected: expected === undefined || asFlag(expected, at(place, 'expected')),
    };
  });
}

function readEffect(value: unknown, where: string): Effect {
  const { category, type } = asRecord(value, where);
  const categories = Object.values(effectCategories);
  const known = categories.find((name) => name === category);
  if (known === undefined) {
    throw misfit(at(where, 'category'), `one of ${categories.join(', ')}`);
  }
  return { category: known, type: asText(type, at(where, 'type')) };
}

function at(where: string, key: string): string {
  return where === '' ? key : `${where}.${key}`;
}

function asRecord(value: unknown, where: string): Unknown {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Unknown;
  throw misfit(where, 'an object');
}

function asList(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw misfit(where, 'a list');
}

function asText(value: unknown, where: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw misfit(where, 'a text that is not empty');
}

function asTexts(value: unknown, where: string): readonly string[] {
  return asList(value, where).map((item, index) => asText(item, `${where}[${index}]`));
}

function asFlag(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value;
  throw misfit(where, 'true or false');
}

function misfit(where: string, wanted: string): ConfigurationError {
  const subject = where === '' ? 'The whole' : `'${where}'`;
  return new ConfigurationError(
    'ARGUMENT_INVALID',
    `This is no lifecycle declaration: ${subject} must be ${wanted}.`,
    { parameters: { property: where } },
  );
}
