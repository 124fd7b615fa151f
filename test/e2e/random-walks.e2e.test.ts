import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rabbitmq } from '../../src/delivery/amqp/index.js';
import type { Bus, BusSubscription } from '../../src/delivery/bus/bus.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { SignalboxError } from '../../src/core/errors/errors.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import { lawfulEvents } from '../../src/core/lifecycle/lawful-events.js';
import { creation, step } from '../../src/core/lifecycle/step.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { removeTopology } from '../delivery/amqp/rabbitmq-place.js';
import { testDatabases, type TestDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { serviceUrl } from '../support/service-url.js';
import { uniqueName } from '../support/unique-name.js';
import {
  type Cloud,
  cloudResources,
  firstDeliveries,
  idsByResource,
  openCloud,
} from './support/cloud.js';

/** What every resource of the cloud has, whatever its type. */
interface Entity {
  readonly uuid: string;
  readonly state: string;
  readonly revision: number;
  readonly members?: number;
}

type Ref = (typeof cloudResources)[number];

/** One thing that one caller tries with one resource. */
interface Move {
  readonly resource: number;
  /** Chooses among the lawful events, or among all of the lifecycle. */
  readonly choice: number;
  readonly lawful: boolean;
  readonly way: 'transition' | 'expecting' | 'within' | 'send' | 'send twice';
  readonly rollsBack: boolean;
}

const seed = Number(process.env['SIGNALBOX_TEST_SEED'] ?? Date.now() % 2 ** 31);

const eachOfThem = 2;

const move: fc.Arbitrary<Move> = fc.record({
  resource: fc.nat(cloudResources.length * eachOfThem - 1),
  choice: fc.nat(1000),
  lawful: fc.integer({ min: 0, max: 9 }).map((digit) => digit > 1),
  way: fc.constantFrom('transition', 'transition', 'expecting', 'within', 'send', 'send twice'),
  rollsBack: fc.integer({ min: 0, max: 3 }).map((digit) => digit === 0),
});

const walks = fc.array(fc.array(move, { minLength: 10, maxLength: 40, size: 'max' }), {
  minLength: 4,
  maxLength: 8,
});

class RolledBack extends Error {}

const exchange = uniqueName('walks');

const places: readonly (readonly [TestDatabase, string, () => Bus])[] = [
  ...testDatabases.map((kind) => [kind, 'the in-process bus', () => memoryBus()] as const),
  ['postgres', 'RabbitMQ', () => rabbitmq({ url: serviceUrl('rabbitmq'), exchange })],
];

describe.each(places)('on %s with %s', (kind, _busName, makeBus) => {
  let cloud: Cloud;
  let bus: Bus;
  let signalbox: Signalbox;
  let subscription: BusSubscription;
  const received: SignalboxEvent[] = [];

  beforeAll(async () => {
    cloud = await openCloud(kind);
    bus = makeBus();
    signalbox = await cloud.open({ bus });
    subscription = await signalbox.subscribe('#', (event) => void received.push(event), {
      pool: 'walks',
      concurrency: 8,
    });
  });
  afterAll(async () => {
    await subscription.unsubscribe({ removePool: true });
    await cloud[Symbol.asyncDispose]();
    await bus.close();
    if (bus.capabilities.durable) await removeTopology(serviceUrl('rabbitmq'), exchange, ['walks']);
  });

  async function read(ref: Ref, uuid: string): Promise<Entity> {
    return (await cloud.dataSource.manager.findOneByOrFail(
      ref as never,
      {
        uuid,
      } as never,
    )) as Entity;
  }

  function contextOf({ members }: Entity): object {
    return members === undefined ? {} : { members };
  }

  async function attempt(ref: Ref, uuid: string, wish: Move): Promise<number> {
    const { choice, lawful, way, rollsBack } = wish;
    const entity = await read(ref, uuid);
    const events = lawful
      ? lawfulEvents(ref.lifecycle, {
          state: entity.state as never,
          context: contextOf(entity) as never,
        })
      : ref.lifecycle.events;
    const event = events[choice % events.length] as never;
    if (event === undefined) return 0;
    try {
      if (way === 'transition' || way === 'expecting') {
        const { revision } = await signalbox.transition(ref as never, uuid, event, {
          actor: way,
          ...(way === 'expecting' ? { expectedRevision: entity.revision } : {}),
        });
        if (way === 'expecting') expect(revision).toBe(entity.revision + 1);
        return 1;
      }
      return await cloud.dataSource.transaction(async (manager) => {
        let revisions = 1;
        if (way === 'within') {
          await signalbox.transition(ref as never, uuid, event, { actor: way, manager });
        } else {
          const loaded = (await manager.findOneByOrFail(ref as never, { uuid } as never)) as Entity;
          signalbox.send(loaded, event, { actor: way });
          if (way === 'send twice') {
            const [next] = lawfulEvents(ref.lifecycle, {
              state: loaded.state as never,
              context: contextOf(loaded) as never,
            });
            if (next !== undefined) {
              signalbox.send(loaded, next as never, { actor: way });
              revisions = 2;
            }
          }
          await manager.save(loaded);
        }
        if (rollsBack) throw new RolledBack();
        return revisions;
      });
    } catch (error) {
      if (error instanceof RolledBack) return 0;
      if (!(error instanceof SignalboxError)) throw error;
      expect(['EVENT_NOT_LAWFUL', 'GUARD_REFUSED', 'REVISION_CONFLICT', 'LOCK_CONFLICT']).toContain(
        error.code,
      );
      if (error.code === 'EVENT_NOT_LAWFUL' || error.code === 'GUARD_REFUSED') {
        // Who is refused is refused by the model too, in the state that the refusal names.
        const position = { state: error.parameters['state'], context: contextOf(entity) };
        expect(
          step(ref.lifecycle, position as never, error.parameters['event'] as never).lawful,
        ).toBe(false);
      }
      return 0;
    }
  }

  test('rows, journal and subscribers agree with the model after any walk of concurrent callers', async () => {
    console.log(`random walks on ${kind}: seed ${seed}`);
    let moved = 0;
    await fc.assert(
      fc.asyncProperty(walks, async (callers) => {
        const resources: (readonly [Ref, string])[] = [];
        for (const ref of cloudResources) {
          for (let index = 0; index < eachOfThem; index += 1) {
            const values = { name: 'walker', sizeGib: 1, members: index, volumeId: walker };
            const { uuid } = (await signalbox.create(ref as never, values as never)) as Entity;
            resources.push([ref, uuid]);
          }
        }
        const revisions = new Map(resources.map(([, uuid]) => [uuid, 1]));
        await Promise.all(
          callers.map(async (walk) => {
            for (const wish of walk) {
              const [ref, uuid] = resources[wish.resource] as readonly [Ref, string];
              const made = await attempt(ref, uuid, wish);
              revisions.set(uuid, (revisions.get(uuid) ?? 0) + made);
              moved += made;
            }
          }),
        );

        const journal = (await cloud.journal())
          .map(({ event }) => event)
          .filter(({ partitionkey = '' }) => revisions.has(partitionkey));
        for (const [ref, uuid] of resources) {
          const entity = await read(ref, uuid);
          const changes = journal.flatMap((event) =>
            event.partitionkey === uuid && event.category === 'ResourceStateEvent' ? [event] : [],
          );
          expect(changes.map(({ revision }) => revision)).toEqual(changes.map((_, i) => i + 1));
          expect(changes).toHaveLength(revisions.get(uuid) ?? 0);
          const born = creation(ref.lifecycle);
          let state: string = born.lawful ? born.state : '';
          for (const [index, { type, data }] of changes.entries()) {
            if (index > 0) {
              const position = { state, context: contextOf(entity) };
              const taken = step(ref.lifecycle, position as never, type as never);
              expect(data.old).toBe(state);
              state = taken.lawful ? taken.next : `refused: ${type} in ${state}`;
            }
            expect(data.new).toBe(state);
          }
          expect([entity.state, entity.revision]).toEqual([state, changes.length]);
        }

        await eventually(() => {
          const ids = new Set(received.map(({ id }) => id));
          const missing = journal.filter(({ id }) => !ids.has(id)).length;
          if (missing > 0) throw new Error(`${missing} events have not arrived`);
        });
        const arrived = received.filter(({ partitionkey = '' }) => revisions.has(partitionkey));
        // Nobody died, so nothing comes twice; and each event is the one of the journal.
        expect(arrived).toHaveLength(journal.length);
        expect(idsByResource(firstDeliveries(arrived))).toEqual(idsByResource(journal));
        const committed = new Map(journal.map((event) => [event.id, event]));
        for (const event of arrived) expect(event).toEqual(committed.get(event.id));
      }),
      { numRuns: 3, seed, endOnFailure: true },
    );
    expect(moved, 'the walks went somewhere').toBeGreaterThan(50);
  }, 120_000);
});

const walker = '6a1f8a4e-54e4-4b8e-9b38-3d1e6f0e9b11';
