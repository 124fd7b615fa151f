import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { rabbitmq } from '../../src/delivery/amqp/index.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import { idempotent } from '../../src/consuming/inbox/idempotent.js';
import {
  type Failpoint,
  crashMatrix,
  type CrashedRun,
  deliveryFaults,
  deliveryLog,
} from '../../src/testing/index.js';
import { removeTopology } from '../delivery/amqp/rabbitmq-place.js';
import { type Cloud, openCloud, outboxEmpty } from '../e2e/support/cloud.js';
import { type TestDatabase, testDatabases } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { serviceUrl } from '../support/service-url.js';
import { uniqueName } from '../support/unique-name.js';
import { long } from './support/fault-length.js';
import { createHandledTable, handledIds, noteHandled } from './support/handled-table.js';
import { machineRows } from './support/machine-rows.js';
import type { CrashPlace } from './support/crash-scenario.js';

const loader = pathToFileURL(resolve(import.meta.dirname, '../support/typescript-loader.mjs'));

/** What a database takes in one statement, or one flight of several, has no points inside. */
const points: Readonly<Record<TestDatabase, readonly Failpoint[]>> = {
  sqlite: ['guard', 'compare-and-set', 'journal', 'outbox', 'commit'],
  postgres: ['guard', 'compare-and-set', 'journal', 'commit'],
  mariadb: ['guard', 'compare-and-set', 'journal', 'commit'],
};
const onTheWay = [
  'wake',
  'read',
  'publish',
  'confirm',
  'delete',
  'deliver',
  'handle',
  'inbox commit',
  'ack',
] as const;

// In the short form the example of the docs has SQLite, with every step of the commit apart.
const databases = long ? testDatabases : (['postgres'] as const);

describe.each(databases)('on %s', (kind) => {
  const clouds = new Map<string, Cloud>();

  async function prepare(): Promise<CrashPlace> {
    const cloud = await openCloud(kind);
    await createHandledTable(cloud.dataSource);
    clouds.set(cloud.url, cloud);
    const directory = await mkdtemp(join(tmpdir(), 'signalbox-crash-'));
    return {
      database: cloud.url,
      bus: { url: serviceUrl('rabbitmq'), exchange: uniqueName('crash') },
      file: join(directory, 'handled'),
    };
  }

  async function check({ place, name, output }: CrashedRun<CrashPlace>): Promise<void> {
    const cloud = clouds.get(place.database) as Cloud;
    const log = deliveryLog(place.file);
    await using bus = rabbitmq(place.bus);
    // What an operator does: starts it again.
    const signalbox = await cloud.open({ bus, relay: { leaseDuration: 500 } });
    await signalbox.subscribe(
      '#',
      idempotent(cloud.dataSource, async (manager, event: SignalboxEvent) => {
        await noteHandled(manager, event);
        log.record(event);
      }),
      { pool: 'all' },
    );
    await outboxEmpty(signalbox);
    const committed = (await cloud.journal()).map(({ event }) => event);
    await eventually(async () => {
      const came = new Set((await log.read()).map(({ id }) => id));
      expect(committed.filter(({ id }) => !came.has(id))).toEqual([]);
    });
    const [delivered, rows] = [await log.read(), await machineRows(cloud)];
    expect(deliveryFaults({ committed, delivered, rows }), name).toEqual([]);
    // However often it was delivered, what its handler wrote is there once.
    await eventually(async () => {
      expect(await handledIds(cloud.dataSource), name).toEqual(
        committed.map(({ id }) => id).toSorted(),
      );
    });
    // A caller who was told that it happened was told the truth.
    const types = committed.map(({ type }) => type);
    for (const [, type] of output.matchAll(/^resolved (.+)$/gm))
      expect(types, name).toContain(type);
    await signalbox.close();
  }

  async function dispose({ database, bus, file }: CrashPlace): Promise<void> {
    await clouds.get(database)?.[Symbol.asyncDispose]();
    await removeTopology(bus.url, bus.exchange, ['all']);
    await rm(join(file, '..'), { recursive: true, force: true });
  }

  test('a process killed between any two steps loses nothing and announces nothing else', async () => {
    const expected = [...points[kind], ...onTheWay];
    const { crashes } = await crashMatrix({
      scenario: pathToFileURL(resolve(import.meta.dirname, 'support/crash-scenario.ts')),
      execArgv: ['--import', loader.href],
      env: { NODE_OPTIONS: undefined },
      prepare,
      check,
      dispose,
      parallel: 3,
      timeout: 120_000,
      expected,
    });
    expect(crashes.map(({ point }) => point)).toEqual([...expected, 'end']);
  }, 480_000);
});
