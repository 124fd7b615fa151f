import fc from 'fast-check';
import { Compile } from 'typebox/schema';
import { describe, expect, it, test } from 'vitest';
import { loadBalancer } from '../../../examples/load-balancer.js';
import { machines, volume } from '../../../machines/index.js';
import { propertyNotes } from '../../../src/tools/catalog/envelope-notes.js';
import { createCatalog } from '../../../src/tools/catalog/create-catalog.js';
import { routingKeyOf } from '../../../src/core/events/routing-key.js';
import { eventSchemas } from '../../../src/core/events/schemas.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { validateEvent } from '../../../src/core/events/validate-event.js';
import type { JsonSchema } from '../../../src/core/json/json-schema.js';
import { announceDeadline } from '../../../src/core/planning/transition-announcements.js';
import { anyUuid, lawfulLife, record } from '../trace/recorded-life.js';
import { oddLifecycle } from './odd-lifecycle.js';

const lifecycles = [...machines, loadBalancer, oddLifecycle];
const catalog = createCatalog(lifecycles);

/** Where a value breaks a schema; the empty list when it satisfies it. */
function faults(schema: JsonSchema, value: unknown): readonly string[] {
  const checked = Compile(schema);
  return checked.Check(value)
    ? []
    : checked.Errors(value)[1].map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** The entry whose channel an event goes to. */
function entryFor(event: SignalboxEvent) {
  const [, category, type, resource] = routingKeyOf(event).split('.');
  return catalog.entries.filter(
    ({ address }) => address[1] === category && address[2] === type && address[3] === resource,
  );
}

describe.each(catalog.entries.map((entry) => [entry.id, entry] as const))('%s', (_, entry) => {
  test('its example satisfies its schema and is a valid event of its channel', () => {
    const { schema, example, address } = entry;
    expect(faults(schema, example)).toEqual([]);
    expect(validateEvent(example)).toBe(example);
    expect(routingKeyOf(example).split('.').slice(1, 4)).toEqual(address.slice(1, 4));
  });
});

describe.each(lifecycles.map((lifecycle) => [lifecycle.resource, lifecycle] as const))(
  'of a %s',
  (_, lifecycle) => {
    test('whatever a lawful life announces has exactly one entry, and satisfies its schema', () => {
      fc.assert(
        fc.property(lawfulLife(lifecycle), (changes) => {
          for (const event of record(lifecycle, changes)) {
            const [entry, ...others] = entryFor(event);
            expect(entry, routingKeyOf(event)).toBeDefined();
            expect(others).toEqual([]);
            expect(faults(entry?.schema ?? {}, event)).toEqual([]);
          }
        }),
        { numRuns: 50 },
      );
    });

    test('so has the alert of each deadline that moves nothing', () => {
      for (const { name, deadlines } of lifecycle.states) {
        for (const { id, alert } of deadlines) {
          const { payload } = announceDeadline(
            { resource: lifecycle.resource, uuid: anyUuid(), revision: 1 },
            { state: name, deadline: id, alert },
            { origin: { source: 's', time: '2026-01-01T00:00:00.000Z' }, nextId: anyUuid },
          );
          const event = JSON.parse(payload) as SignalboxEvent;
          const [entry] = entryFor(event);
          expect(faults(entry?.schema ?? { const: 'no entry' }, event)).toEqual([]);
        }
      }
    });
  },
);

it('refuses what a channel never carries: another type, a state that the event does not lead to', () => {
  const entry = catalog.entries.find(
    ({ id }) => id === 'Volume.ResourceStateEvent.AttachRequested',
  );
  const told = (value: object) => faults(entry?.schema ?? {}, value).join();
  const { example } = entry ?? {};
  expect(told({ ...example, type: 'DetachRequested' })).toContain('/type');
  expect(told({ ...example, subject: 'VolumeX/1' })).toContain('/subject');
  expect(told({ ...example, data: { ...example?.data, new: 'Ready' } })).toContain('/data/new');
});

it('names creation, removal and passed deadlines', () => {
  const types = catalog.entries
    .filter(({ resource }) => resource === 'VirtualMachine')
    .map(({ type }) => type);
  expect(types).toEqual(
    expect.arrayContaining([
      'Created',
      'DeadlineExceeded',
      'Removed',
      'VM.START',
      'ALERT.RESOURCE.STUCK',
    ]),
  );
});

it('names the alert of a deadline that may move nothing: it has no target, or a guard', () => {
  const occasions = (type: string) =>
    catalog.entries.find((entry) => entry.type === type)?.occasions;
  expect(occasions('ALERT.ODD.SLOW')).toEqual(['移動 <i> for too long']);
  expect(occasions('ALERT.ODD.LATE')).toEqual([
    '移動 <i> → at "rest" on DeadlineExceeded',
    '移動 <i> for too long',
  ]);
});

it('gives every entry another id and another channel', () => {
  const { entries } = catalog;
  expect(new Set(entries.map(({ id }) => id)).size).toBe(entries.length);
  expect(new Set(entries.map(({ address }) => address.join('.'))).size).toBe(entries.length);
});

it('is the same every time', () => {
  expect(JSON.stringify(createCatalog(lifecycles))).toBe(JSON.stringify(catalog));
});

it('describes every property of every category', () => {
  const paths = (schema: JsonSchema, path = ''): readonly string[] =>
    Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
      const full = path === '' ? name : `${path}.${name}`;
      return [full, ...paths(property, full)];
    });
  // No lifecycle announces a job.
  const { AsyncJobEvent: _, ...announced } = eventSchemas;
  const all = Object.values(announced).flatMap((schema) => paths(schema));
  expect(all.filter((path) => propertyNotes[path] === undefined)).toEqual([]);
});

it('refuses two lifecycles of one resource', () => {
  expect(() => createCatalog([volume, volume])).toThrow(/two lifecycles of Volume/);
});
