import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { v4 } from 'uuid';
import { LoadBalancer } from '../../../examples/load-balancer.js';
import { demoResources } from '../../../src/cli/demo/entities.js';
import { SignalboxError } from '../../../src/core/errors/errors.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';
import type { ResourceClass } from '../../../src/persistence/resource/resource.js';
import type { ResourceEntity } from '../../../src/persistence/resource/resource-entity.js';
import { simulate, type Simulation } from '../../../src/testing/simulation/simulation.js';
import { type Cloud, openCloud } from '../../e2e/support/cloud.js';
import { Probe } from '../../e2e/support/probe.js';
import { eventually } from '../../support/eventually.js';

type AnyClass = ResourceClass & (new () => ResourceEntity);

const classes = [...demoResources, LoadBalancer, Probe] as unknown as readonly AnyClass[];

/** What the columns of each entity's own need. */
const columnsOf: Readonly<Record<string, object>> = {
  VirtualMachine: { name: 'web' },
  Network: { name: 'lan' },
  Volume: { sizeGib: 8 },
  Snapshot: { volumeId: v4() },
};

/** One thing that a program does, to the resource it names. */
type Command =
  | { readonly does: 'transition'; readonly event: number; readonly revision: number | undefined }
  | { readonly does: 'send'; readonly events: readonly number[]; readonly members: number }
  | { readonly does: 'save stale'; readonly event: number; readonly meanwhile: number }
  | { readonly does: 'write state' }
  | { readonly does: 'remove' }
  | { readonly does: 'explain'; readonly event: number }
  | { readonly does: 'wait'; readonly minutes: number };

interface Program {
  readonly resources: readonly { readonly class: number; readonly born: number }[];
  readonly commands: readonly (Command & { readonly on: number })[];
}

const event = fc.nat(30);
const on = fc.nat(3);
const does = <T extends Command['does']>(what: T) => ({ does: fc.constant(what), on });

const program: fc.Arbitrary<Program> = fc.record({
  resources: fc.array(fc.record({ class: fc.nat(classes.length - 1), born: fc.nat(4) }), {
    minLength: 1,
    maxLength: 4,
  }),
  commands: fc.array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          ...does('transition'),
          event,
          revision: fc.option(fc.nat(4), { nil: undefined }),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          ...does('send'),
          events: fc.array(event, { maxLength: 2 }),
          members: fc.nat(1),
        }),
      },
      fc.record({ ...does('save stale'), event, meanwhile: event }),
      fc.record(does('write state')),
      fc.record(does('remove')),
      fc.record({ ...does('explain'), event }),
      { weight: 3, arbitrary: fc.record({ ...does('wait'), minutes: fc.nat(2000) }) },
    ),
    { maxLength: 25 },
  ),
});

/** What both of them can do, in the words of either. */
interface Subject {
  create(of: AnyClass, values: object): Promise<ResourceEntity>;
  transition(of: AnyClass, uuid: string, event: string, options: object): Promise<unknown>;
  explain(of: AnyClass, uuid: string, event: string): Promise<unknown>;
  read(of: AnyClass, uuid: string): Promise<ResourceEntity | undefined>;
  send(entity: object, event: string, options: object): void;
  save(entity: object): Promise<unknown>;
  remove(entity: object, options: object): Promise<void>;
  /** Lets time pass until this moment. */
  reach(time: Date): Promise<void>;
}

const simulation = (cloud: Simulation): Subject => ({
  create: (of, values) => cloud.create(of, values) as Promise<ResourceEntity>,
  transition: (of, uuid, name, options) => cloud.transition(of, uuid, name, options),
  explain: (of, uuid, name) => cloud.explain(of, uuid, name),
  read: async (of, uuid) => (await cloud.find(of, uuid)) as ResourceEntity | undefined,
  send: (entity, name, options) => cloud.send(entity, name, options),
  save: (entity) => cloud.save(entity),
  remove: (entity, options) => cloud.remove(entity, options),
  reach: (time) => cloud.advance(time.getTime() - cloud.now.getTime()),
});

const byEvent = ({ lifecycle }: AnyClass, index: number): string =>
  [...lifecycle.events, 'Slam', 'DeadlineExceeded'][
    index % (lifecycle.events.length + 2)
  ] as string;

/** Runs a program; returns what came of each command. */
async function run({ resources, commands }: Program, uuids: readonly string[], subject: Subject) {
  const outcomes: unknown[] = [];
  const attempt = async (work: () => unknown): Promise<void> => {
    try {
      outcomes.push((await work()) ?? 'done');
    } catch (error) {
      if (!(error instanceof SignalboxError)) throw error;
      outcomes.push({ name: error.name, code: error.code, parameters: error.parameters });
    }
  };
  for (const [index, { class: of, born }] of resources.entries()) {
    const entity = classes[of] as AnyClass;
    const states = [...entity.lifecycle.initialStates, 'Nowhere'];
    const state = born === 0 ? {} : { state: states[born % states.length] };
    await attempt(async () => {
      await subject.create(entity, {
        uuid: uuids[index],
        account: 'acme',
        ...columnsOf[entity.lifecycle.resource],
        ...state,
      });
    });
  }
  let time = start;
  for (const command of commands) {
    const index = command.on % resources.length;
    const of = classes[resources[index]?.class ?? 0] as AnyClass;
    const uuid = uuids[index] as string;
    await attempt(async () => {
      switch (command.does) {
        case 'transition':
          return told(
            await subject.transition(of, uuid, byEvent(of, command.event), {
              reason: 'because',
              actor: 'alice',
              ...(command.revision === undefined ? {} : { expectedRevision: command.revision }),
            }),
          );
        case 'send': {
          const entity = await subject.read(of, uuid);
          if (entity === undefined) return 'gone';
          if (entity instanceof LoadBalancer) entity.members = command.members;
          for (const each of command.events)
            subject.send(entity, byEvent(of, each), { actor: 'bob' });
          await subject.save(entity);
          return guarded(entity);
        }
        case 'save stale': {
          const entity = await subject.read(of, uuid);
          if (entity === undefined) return 'gone';
          await subject.transition(of, uuid, byEvent(of, command.meanwhile), {});
          subject.send(entity, byEvent(of, command.event), {});
          await subject.save(entity).catch((error: unknown) => {
            outcomes.push(guarded(entity));
            throw error;
          });
          return guarded(entity);
        }
        case 'write state': {
          const entity = await subject.read(of, uuid);
          if (entity === undefined) return 'gone';
          entity.state = 'Nowhere';
          return subject.save(entity);
        }
        case 'remove': {
          const entity = await subject.read(of, uuid);
          if (entity === undefined) return 'gone';
          return subject.remove(entity, { reason: 'enough' });
        }
        case 'explain':
          return subject.explain(of, uuid, byEvent(of, command.event));
        case 'wait':
          time = new Date(time.getTime() + command.minutes * 60_000);
          return subject.reach(time);
      }
    });
  }
  const rows = [];
  for (const [index, { class: of }] of resources.entries()) {
    const entity = await subject.read(classes[of] as AnyClass, uuids[index] as string);
    rows.push(entity === undefined ? undefined : guarded(entity));
  }
  return { outcomes, rows };
}

const start = new Date(Date.UTC(2026, 0, 1));

const guarded = ({ uuid, state, revision, stateSince, lifecycleVersion }: ResourceEntity) => ({
  uuid,
  state,
  revision,
  stateSince,
  lifecycleVersion,
});

/** Event ids differ; how many there are does not. */
const told = (outcome: unknown): unknown => {
  const { events, ...rest } = outcome as { readonly events: readonly string[] };
  return { ...rest, events: events.length };
};

/** The events of one resource: ids, and what refers to them, by their order. */
function comparable(events: readonly SignalboxEvent[], uuid: string): readonly object[] {
  const own = events.filter(({ partitionkey }) => partitionkey === uuid);
  const order = new Map(own.map(({ id }, index) => [id, index]));
  // A simulation publishes under a name of its own.
  return own.map(({ id, causationid, source: _source, ...event_ }) => ({
    ...event_,
    id: order.get(id),
    cause: causationid === undefined ? undefined : order.get(causationid),
  }));
}

let cloud: Cloud;
let signalbox: Signalbox;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: start });
  cloud = await openCloud('sqlite');
  signalbox = await cloud.open({ relay: false, deadlines: { pollInterval: 5 } });
});
afterAll(async () => {
  vi.useRealTimers();
  await cloud[Symbol.asyncDispose]();
});

/** The real SDK on SQLite. Its clock stops at every deadline on the way, as real time would pass it. */
const real = (uuids: readonly string[]): Subject => {
  const { manager } = cloud.dataSource;
  const nextDue = async (): Promise<number> => {
    const [row] = await cloud.dataSource.query<{ due: number | null }[]>(
      `SELECT MIN(due_at) AS due FROM signalbox_deadline WHERE uuid IN (SELECT value FROM json_each(?))`,
      [JSON.stringify(uuids)],
    );
    return row?.due ?? Number.POSITIVE_INFINITY;
  };
  return {
    create: (of, values) => signalbox.create(of, values) as Promise<ResourceEntity>,
    transition: (of, uuid, name, options) => signalbox.transition(of, uuid, name, options),
    explain: (of, uuid, name) => signalbox.explain(of, uuid, name),
    read: async (of, uuid) => (await manager.findOneBy(of, { uuid })) ?? undefined,
    send: (entity, name, options) => signalbox.send(entity, name, options),
    save: (entity) => manager.save(entity),
    remove: (entity, options) => signalbox.remove(entity, options),
    async reach(time) {
      for (let due = await nextDue(); due <= time.getTime(); due = await nextDue()) {
        vi.setSystemTime(due);
        await eventually(async () => expect(await nextDue()).toBeGreaterThan(due), { every: 2 });
      }
      vi.setSystemTime(time);
    },
  };
};

test('any program has the same outcomes, rows and events on the simulation and on the real SDK', async () => {
  await fc.assert(
    fc.asyncProperty(program, async (each) => {
      vi.setSystemTime(start);
      const uuids = each.resources.map(() => v4());
      const fake = simulate(...(classes as [AnyClass, ...AnyClass[]]));
      const expected = await run(each, uuids, real(uuids));
      expect(await run(each, uuids, simulation(fake))).toEqual(expected);
      const journal = (await cloud.journal()).map(({ event: announced }) => announced);
      for (const uuid of uuids) {
        expect(comparable(fake.events.all, uuid)).toEqual(comparable(journal, uuid));
      }
    }),
    { numRuns: 100 },
  );
}, 240_000);
