import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  postgresNotifier,
  postgresWakeListener,
} from '../../../src/delivery/relay/postgres-wake.js';
import { openDataSource } from '../../persistence/relay-tables.js';
import { freshDatabase, type FreshDatabase } from '../../support/databases.js';
import { eventually } from '../../support/eventually.js';

const application = 'signalbox-wake';

let database: FreshDatabase;
let dataSource: DataSource;

beforeAll(async () => {
  database = await freshDatabase('postgres');
  // Of its pool there is the connection that asks alone.
  dataSource = await openDataSource({
    ...database.options,
    poolSize: 1,
    applicationName: application,
  } as never);
});

afterAll(async () => {
  await dataSource?.destroy();
  await database?.dispose();
});

const connections = async (): Promise<number> => {
  const [row] = await dataSource.query<[{ number: string }]>(
    `SELECT count(*) AS number FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND application_name = '${application}'`,
  );
  return Number(row.number);
};

test('a listener is woken at once when it listens, and by every burst of commits', async () => {
  let woken = 0;
  const listener = postgresWakeListener(dataSource);
  listener.start(() => (woken += 1));
  await eventually(() => expect(woken).toBe(1));
  const notifier = postgresNotifier(dataSource);
  for (let commit = 0; commit < 1000; commit += 1) notifier.notify();
  await eventually(() => expect(woken).toBeGreaterThan(1));
  await notifier.close();
  await eventually(() => expect(woken).toBeGreaterThan(1));
  // A thousand commits in one turn are told by two notifications at the most.
  expect(woken).toBeLessThanOrEqual(3);
  await listener.stop();
  await listener.stop();
  notifier.notify();
  await notifier.close();
  await eventually(async () => expect(await connections()).toBe(0));
});

test('both connect again when the server drops them', async () => {
  let woken = 0;
  const listener = postgresWakeListener(dataSource);
  listener.start(() => (woken += 1));
  const notifier = postgresNotifier(dataSource);
  await eventually(() => {
    notifier.notify();
    expect(woken).toBeGreaterThan(1);
  });
  const before = woken;
  await dataSource.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  // What was committed while nobody listened is looked for as soon as somebody does again.
  await eventually(() => expect(woken).toBeGreaterThan(before));
  const again = woken;
  await eventually(() => {
    notifier.notify();
    expect(woken).toBeGreaterThan(again);
  });
  await Promise.all([listener.stop(), notifier.close()]);
});

test('a listener that is stopped while it connects leaves nothing behind', async () => {
  const listener = postgresWakeListener(dataSource);
  listener.start(() => undefined);
  await listener.stop();
  await eventually(async () => expect(await connections()).toBe(0));
  // And connects no more: whoever did so now would be there when another has come and gone.
  const other = postgresWakeListener(dataSource);
  let woken = 0;
  other.start(() => (woken += 1));
  await eventually(() => expect(woken).toBe(1));
  expect(await connections()).toBe(1);
  await other.stop();
  await eventually(async () => expect(await connections()).toBe(0));
});

test('a notification leaves nothing in the session, whoever gets the connection next', async () => {
  const notifier = postgresNotifier(dataSource);
  const sessions = await dataSource.query<{ setting: string }[]>(
    `SELECT setting FROM pg_settings WHERE name = 'synchronous_commit'`,
  );
  expect(sessions).toEqual([{ setting: 'on' }]);
  notifier.notify();
  await eventually(async () => {
    const [last] = await dataSource.query<{ query: string }[]>(
      `SELECT query FROM pg_stat_activity
        WHERE application_name = '${application}' AND pid <> pg_backend_pid() AND state = 'idle'`,
    );
    expect(last?.query).toMatch(/^SET LOCAL synchronous_commit = off; NOTIFY/);
  });
  await notifier.close();
});

test('a listener is not woken by the sender that it knows, but by every other', async () => {
  let woken = 0;
  const listener = postgresWakeListener(dataSource, 'own');
  listener.start(() => (woken += 1));
  await eventually(() => expect(woken).toBe(1));
  const own = postgresNotifier(dataSource, 'own');
  own.notify();
  await own.close();
  const others = [postgresNotifier(dataSource, 'other'), postgresNotifier(dataSource)];
  for (const [index, other] of others.entries()) {
    other.notify();
    await other.close();
    // Notifications come in the order of their commits: had its own woken it, it would be one more.
    await eventually(() => expect(woken).toBe(index + 2));
  }
  await listener.stop();
});
