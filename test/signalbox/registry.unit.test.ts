import { ChildEntity, DataSource, Entity, TableInheritance } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setup } from 'xstate';
import { defineEventTypes } from '../../src/core/events/event-types.js';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../src/core/lifecycle/effects.js';
import { ResourceRegistry } from '../../src/signalbox/resource-registry.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';

const lifecycle = defineLifecycle({
  resource: 'Kettle',
  version: 1,
  machine: setup({
    types: { events: {} as { type: 'Heat' } },
    actions: effects,
  }).createMachine({
    initial: 'Cold',
    states: {
      Cold: {
        entry: { type: 'usage', params: { type: 'KETTLE.FILL' } },
        on: {
          Heat: { target: 'Hot', actions: { type: 'action', params: { type: 'KETTLE.HEAT' } } },
        },
      },
      Hot: {},
    },
  }),
});

@Entity('kettle')
class Kettle extends ResourceEntity<typeof lifecycle> {
  static readonly lifecycle = lifecycle;
}

@Entity('pot')
@TableInheritance({ column: { type: String, name: 'kind' } })
class Pot extends ResourceEntity<typeof lifecycle> {
  static readonly lifecycle = lifecycle;
}

@ChildEntity('tea')
class Teapot extends Pot {}

const dataSource = new DataSource({
  type: 'better-sqlite3',
  database: ':memory:',
  entities: [Kettle, Pot, Teapot],
});
beforeAll(() => dataSource.initialize());
afterAll(() => dataSource.destroy());

const register = (types: Parameters<typeof defineEventTypes>[0], source = 'test') =>
  new ResourceRegistry(dataSource, [Kettle], { source, eventTypes: defineEventTypes(types) });

test('a lifecycle that announces unknown types is refused, at creation as on a transition', () => {
  expect(() => register({ usage: ['KETTLE.FILL'] })).toThrow(/KETTLE\.HEAT/);
  expect(() => register({ action: ['KETTLE.HEAT'] })).toThrow(/KETTLE\.FILL/);
  expect(
    register({ usage: ['KETTLE.FILL'], action: ['KETTLE.HEAT'] }).find('Kettle'),
  ).toBeDefined();
});

test('a routing key that would be too long is refused before anything is announced', () => {
  const types = { usage: ['KETTLE.FILL'], action: ['KETTLE.HEAT'] };
  expect(() => register(types, 's'.repeat(200))).toThrow(
    expect.objectContaining({ code: 'ROUTING_KEY_TOO_LONG' }),
  );
});

test('of classes that share a table by inheritance, the parent is a resource and a child is refused', () => {
  const eventTypes = defineEventTypes({ usage: ['KETTLE.FILL'], action: ['KETTLE.HEAT'] });
  const registry = (entity: typeof Pot) =>
    new ResourceRegistry(dataSource, [entity], { source: 'test', eventTypes });
  expect(registry(Pot).get(Pot).table).toBe('"pot"');
  expect(() => registry(Teapot)).toThrow(
    expect.objectContaining({
      code: 'RESOURCE_MAPPING_INVALID',
      message: expect.stringContaining('shares the table of Pot'),
    }),
  );
});
