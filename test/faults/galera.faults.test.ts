import { cloudStackEventTypes } from '../../machines/index.js';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { Probe } from '../e2e/support/probe.js';
import { eventually } from '../support/eventually.js';
import { type PrivateGalera, startPrivateGalera } from '../support/private-galera.js';
import type { PrivateMariadb } from '../support/private-mariadb.js';
import { long, seed } from './support/fault-length.js';
import { random } from './support/random.js';

type Use = 'single-writer' | 'several-writers';

const database = 'faults';
/** Milliseconds of load before a fault, and after it. */
const loaded = long ? 20_000 : 1_500;
const callersOfEach = 6;

/** What a caller was told: that its transition was committed, that nothing was, or neither. */
interface Told {
  readonly reason: string;
  readonly uuid: string;
  readonly revision: number | undefined;
  readonly code: string | undefined;
}

describe(`on a Galera cluster no revision is won twice, and none that was told is lost (seed ${seed})`, () => {
  let galera: PrivateGalera;
  const opened: DataSource[] = [];

  async function open(node: PrivateMariadb): Promise<DataSource> {
    const dataSource = await new DataSource({
      type: 'mariadb',
      url: node.url(database),
      entities: [Probe],
      migrations: [...migrations],
      poolSize: 4,
      connectTimeout: 2_000,
    }).initialize();
    opened.push(dataSource);
    return dataSource;
  }

  const signalboxOn = async (node: PrivateMariadb, use: Use): Promise<Signalbox> =>
    createSignalbox({
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      dataSource: await open(node),
      resources: [Probe],
      galera: use,
      relay: false,
      deadlines: false,
    });

  beforeAll(async () => {
    galera = await startPrivateGalera();
    await galera.nodes[0].query(`CREATE DATABASE ${database}`);
    const dataSource = await open(galera.nodes[0]);
    await dataSource.synchronize();
    await migrate(dataSource);
    await galera.caughtUp();
  }, 240_000);
  afterAll(async () => {
    await Promise.all(opened.map((each) => each.destroy().catch(() => undefined)));
    await galera?.dispose();
  }, 120_000);

  /** Callers that move few resources without a pause, until they are told to stop. */
  function load(signalbox: Signalbox, uuids: readonly string[], name: string) {
    const dice = random(seed);
    const told: Told[] = [];
    let stopped = false;
    const call = async (caller: number): Promise<void> => {
      for (let count = 0; !stopped; count += 1) {
        const uuid = dice.pick(uuids);
        const reason = `${name} ${caller} ${count}`;
        const event = dice.pick(['Begin', 'Finished', 'Rest', 'Woke'] as const);
        await signalbox.transition(Probe, uuid, event, { reason }).then(
          ({ revision }) => told.push({ reason, uuid, revision, code: undefined }),
          (error: { code?: string }) =>
            told.push({ reason, uuid, revision: undefined, code: error.code ?? 'untyped' }),
        );
      }
    };
    const callers = Array.from({ length: callersOfEach }, (_, caller) => call(caller));
    return {
      told,
      won: () => told.filter(({ revision }) => revision !== undefined).length,
      stop: async () => {
        stopped = true;
        await Promise.all(callers);
      },
    };
  }

  async function expectTrue(
    told: readonly Told[],
    uuids: readonly string[],
    nodes: readonly PrivateMariadb[],
  ): Promise<void> {
    for (const node of nodes) {
      const rows = await node.query(
        `SELECT payload FROM ${database}.signalbox_journal ORDER BY position`,
      );
      const events = rows.map(({ payload }) => JSON.parse(String(payload)) as SignalboxEvent);
      const changes = events.filter((event) => event.category === 'ResourceStateEvent');
      const reasons = new Map(changes.map((event) => [event.data.reason, event]));
      for (const uuid of uuids) {
        const own = changes
          .filter(({ partitionkey }) => partitionkey === uuid)
          .toSorted((a, b) => Number(a.revision) - Number(b.revision));
        expect(own.map(({ revision }) => revision)).toEqual(own.map((_, index) => index + 1));
        for (const [index, { data }] of own.entries()) {
          expect(data.old).toBe(own[index - 1]?.data.new ?? null);
        }
        const [row] = await node.query(
          `SELECT state, revision FROM ${database}.probe WHERE uuid = '${uuid}'`,
        );
        expect(row).toEqual({ state: own.at(-1)?.data.new, revision: own.length });
      }
      for (const { reason, uuid, revision, code } of told) {
        const event = reasons.get(reason);
        if (revision !== undefined) expect(event).toMatchObject({ partitionkey: uuid, revision });
        else if (code !== 'OUTCOME_UNKNOWN') expect(event).toBeUndefined();
      }
    }
    expect(told.filter(({ revision }) => revision !== undefined).length).toBeGreaterThan(50);
  }

  test('a node that is one must be told how it is written to', async () => {
    const dataSource = await open(galera.nodes[0]);
    await expect(
      createSignalbox({
        dataSource,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: [Probe],
      }),
    ).rejects.toMatchObject({
      code: 'GALERA_USE_MISSING',
    });
  });

  test('one writer, which is killed under load, and another node in its place', async () => {
    const [first, second, third] = galera.nodes;
    const before = await signalboxOn(first, 'single-writer');
    const uuids = await Promise.all(
      [1, 2, 3, 4].map(async () => (await before.create(Probe)).uuid),
    );
    const early = load(before, uuids, 'before');
    await lasting(loaded, early);
    await first.kill();
    await early.stop();
    const after = await eventually(() => signalboxOn(second, 'single-writer'), {
      deadline: 60_000,
    });
    const late = load(after, uuids, 'after');
    await lasting(loaded, late);
    await late.stop();
    await eventually(() => expectTrue([...early.told, ...late.told], uuids, [second, third]), {
      deadline: 60_000,
    });
    await first.start();
  }, 240_000);

  test('three writers, of which one is killed under load', async () => {
    const boxes = await Promise.all(
      galera.nodes.map((node) =>
        eventually(() => signalboxOn(node, 'several-writers'), { deadline: 60_000 }),
      ),
    );
    const [box] = boxes as [Signalbox];
    const uuids = await Promise.all([1, 2, 3, 4].map(async () => (await box.create(Probe)).uuid));
    const loads = boxes.map((each, index) => load(each, uuids, `writer ${index}`));
    await Promise.all(loads.map((each) => lasting(loaded, each)));
    const [first, second, third] = galera.nodes;
    await third.kill();
    await Promise.all(loads.slice(0, 2).map((each) => lasting(loaded, each)));
    await Promise.all(loads.map((each) => each.stop()));
    await eventually(
      () =>
        expectTrue(
          loads.flatMap(({ told }) => told),
          uuids,
          [first, second],
        ),
      { deadline: 60_000 },
    );
  }, 240_000);
});

/** Resolves when a load has gone on for a while, and has won something in that time. */
async function lasting(milliseconds: number, { won }: { won: () => number }): Promise<void> {
  const [start, had] = [performance.now(), won()];
  await eventually(
    () => {
      if (performance.now() - start < milliseconds || won() < had + 20) throw new Error('not yet');
    },
    { deadline: milliseconds + 60_000 },
  );
}
