import { cloudStackEventTypes } from '../../machines/index.js';
import { Column, DataSource, Entity } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { and, not, setup } from 'xstate';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { mapResource } from '../../src/persistence/resource/resource.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';
import { simulate } from '../../src/testing/index.js';

interface Context {
  readonly shards: number;
}
type Event = { readonly type: 'Open'; readonly by?: string; readonly deep?: { by: string } };

/** A lifecycle whose only event is guarded, and its deadline too where `timeout` says so. */
function guardedBy(guard: string, { timeout }: { readonly timeout?: string } = {}) {
  return defineLifecycle({
    resource: 'Shelf',
    version: 1,
    machine: setup({
      types: {} as { context: Context; events: Event },
      guards: {
        hasShards: ({ context }) => context.shards > 0,
        lists: ({ context }) => Object.keys(context).length > 0,
        asks: ({ context }) => 'shards' in context,
        swallows: ({ context }) => {
          try {
            return context.shards > 0;
          } catch {
            return true;
          }
        },
        byName: ({ event }) => event.by === 'alice',
        byDeepName: ({ event }) => event.deep?.by.startsWith('alice') === true,
        fails: ({ event }) => (event.deep as { by: string }).by === 'alice',
        onceNamed: ({ context, event }) => event.by !== undefined && context.shards > 0,
        always: () => true,
        negated: not('hasShards'),
        both: and(['always', 'hasShards']),
      },
    }).createMachine({
      context: { shards: 0 },
      initial: 'Shut',
      states: {
        Shut: {
          on: { Open: { target: 'Opened', guard: guard as 'always' } },
          after: { 1000: { target: 'Opened', guard: (timeout ?? 'always') as 'always' } },
        },
        Opened: {},
      },
    }),
  });
}

type ShelfLifecycle = ReturnType<typeof guardedBy>;

@Entity('shelf')
class Shelf extends ResourceEntity<ShelfLifecycle> {
  @Column({ type: 'integer', default: 5 }) shards!: number;
}

const dataSource = new DataSource({
  type: 'better-sqlite3',
  database: ':memory:',
  entities: [Shelf],
  migrations: [...migrations],
  synchronize: true,
});
beforeAll(async () => {
  await dataSource.initialize();
  await migrate(dataSource);
});
afterAll(() => dataSource.destroy());

const map = (lifecycle: ShelfLifecycle) => mapResource(Shelf, lifecycle);

/** A Signalbox over one way to map the class, and one shelf in it. */
async function opened(
  shelf: ReturnType<typeof map>,
): Promise<{ signalbox: Signalbox; uuid: string } & AsyncDisposable> {
  const signalbox = await createSignalbox({
    dataSource,
    source: 'management-server',
    eventTypes: cloudStackEventTypes,
    resources: [shelf],
  });
  const { uuid } = await signalbox.create(shelf, {});
  return { signalbox, uuid, [Symbol.asyncDispose]: () => signalbox.close() };
}

describe('without a projection', () => {
  const refusal = {
    name: 'ConfigurationError',
    code: 'RESOURCE_MAPPING_INVALID',
    message: expect.stringMatching(/Shelf projects no context, .*`static context`/u) as string,
  };

  test.each(['hasShards', 'negated', 'both', 'lists', 'asks', 'swallows'])(
    'a lifecycle is refused whose guard reads the context: %s',
    async (guard) => {
      const shelf = map(guardedBy(guard));
      await expect(
        createSignalbox({
          dataSource,
          source: 'management-server',
          eventTypes: cloudStackEventTypes,
          resources: [shelf],
        }),
      ).rejects.toMatchObject(refusal);
      expect(() => simulate(shelf)).toThrow(expect.objectContaining(refusal));
    },
  );

  test('so is one with a deadline whose guard reads it', async () => {
    const shelf = map(guardedBy('always', { timeout: 'hasShards' }));
    await expect(
      createSignalbox({
        dataSource,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: [shelf],
      }),
    ).rejects.toMatchObject(refusal);
  });

  test('the same lifecycle passes with one, and its guards read the row', async () => {
    const shelf = mapResource(Shelf, guardedBy('hasShards'), {
      context: ({ shards }) => ({ shards }),
    });
    await using world = await opened(shelf);
    const { signalbox, uuid } = world;
    expect(await signalbox.transition(shelf, uuid, 'Open')).toMatchObject({ new: 'Opened' });
  });

  test.each([
    ['always', {}],
    ['byName', { by: 'alice' }],
    ['byDeepName', { deep: { by: 'alice' } }],
    ['fails', { deep: { by: 'alice' } }],
  ])('a guard that reads no context goes on working: %s', async (guard, payload) => {
    const shelf = map(guardedBy(guard));
    await using world = await opened(shelf);
    const { signalbox, uuid } = world;
    expect(await signalbox.transition(shelf, uuid, 'Open', { payload })).toMatchObject({
      new: 'Opened',
    });
  });

  test('a guard that reads it only of some events is refused by those, whatever the call', async () => {
    const shelf = map(guardedBy('onceNamed'));
    await using world = await opened(shelf);
    const { signalbox, uuid } = world;
    const payload = { by: 'alice' };
    await expect(signalbox.transition(shelf, uuid, 'Open')).rejects.toMatchObject({
      code: 'GUARD_REFUSED',
    });
    await expect(signalbox.transition(shelf, uuid, 'Open', { payload })).rejects.toMatchObject(
      refusal,
    );
    const entity = await dataSource.manager.findOneByOrFail(Shelf, { uuid });
    expect(() => signalbox.send(entity, 'Open', { payload })).toThrow(
      expect.objectContaining(refusal),
    );
    expect(entity).toMatchObject({ state: 'Shut', revision: 1 });
  });
});
