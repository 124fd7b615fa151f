import { cloudStackEventTypes } from 'signalbox/machines';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { DataSource } from 'typeorm';
import { createSignalbox, migrations } from '../../dist/index.js';
import { eventOf } from '../by-hand/event.mjs';
import { figure } from '../figure.mjs';
import { Lamp, lampCount, lampEntity, placesOf, switching } from '../lamp.mjs';
import { compare, looped } from '../measure.mjs';
import { scoped } from '../scoped.mjs';

const callers = 64;
const pragmas = (connection) => {
  connection.pragma('journal_mode = WAL');
  connection.pragma('synchronous = FULL');
};

/** A file in WAL mode that waits for the disk at every commit. */
export const sqlite = {
  name: 'sqlite',
  title: `one transition with its event by ${callers} callers, SQLite`,
  run: (options) =>
    scoped(async (open) => {
      const directory = await mkdtemp(join(tmpdir(), 'signalbox-bench-'));
      open({ close: () => rm(directory, { recursive: true }) });
      const uuids = Array.from({ length: lampCount }, () => randomUUID());
      const ours = open(await withSignalbox(join(directory, 'signalbox.sqlite'), uuids));
      const theirs = open(byHand(join(directory, 'by-hand.sqlite'), uuids));
      const [subject, reference] = await compare(
        [
          looped('signalbox.transition()', callers, switching(ours.signalbox, uuids, callers)),
          looped('better-sqlite3, one transaction each', callers, theirs.operation),
        ],
        options,
      );
      const name = `SQLite file, WAL, synchronous FULL, ${callers} callers`;
      return {
        settings: { SQLite: theirs.version, journal_mode: 'WAL', synchronous: 'FULL' },
        figures: [figure({ name, goal: { least: 1 }, subject, reference })],
      };
    }),
};

async function withSignalbox(file, uuids) {
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: file,
    entities: [lampEntity],
    migrations: [...migrations],
    prepareDatabase: pragmas,
  }).initialize();
  await dataSource.runMigrations();
  await dataSource.query(`CREATE TABLE lamp (
    uuid text PRIMARY KEY, state text NOT NULL, revision integer NOT NULL, state_since text NOT NULL,
    lifecycle_version integer NOT NULL, account text, domain text, project text)`);
  await dataSource.query(
    `INSERT INTO lamp SELECT value, 'Off', 1, '2026-01-01T00:00:00.000Z', 1, 'account-1', 'domain-1', NULL
      FROM json_each(?)`,
    [JSON.stringify(uuids)],
  );
  const signalbox = await createSignalbox({
    dataSource,
    source: 'management-server',
    eventTypes: cloudStackEventTypes,
    resources: [Lamp],
    relay: false,
    deadlines: false,
  });
  return {
    signalbox,
    async close() {
      await signalbox.close();
      await dataSource.destroy();
    },
  };
}

function byHand(file, uuids) {
  const connection = new Database(file);
  pragmas(connection);
  connection.exec(`
    CREATE TABLE lamp (id text PRIMARY KEY, state text NOT NULL, version integer NOT NULL,
      state_since text NOT NULL, account text, domain text, project text);
    CREATE TABLE outbox (id integer PRIMARY KEY, event_id text NOT NULL, key text NOT NULL,
      payload text NOT NULL);`);
  connection
    .prepare(
      `INSERT INTO lamp SELECT value, 'Off', 1, '2026-01-01T00:00:00.000Z', 'account-1', 'domain-1', NULL
        FROM json_each(?)`,
    )
    .run(JSON.stringify(uuids));
  const select = connection.prepare(
    'SELECT state, version, account, domain, project FROM lamp WHERE id = ?',
  );
  const update = connection.prepare(
    `UPDATE lamp SET state = ?, version = version + 1, state_since = ?
      WHERE id = ? AND state = ? AND version = ?`,
  );
  const insert = connection.prepare('INSERT INTO outbox (event_id, key, payload) VALUES (?, ?, ?)');
  const move = connection.transaction((id) => {
    const row = select.get(id);
    const event = eventOf(id, row);
    const since = new Date().toISOString();
    if (update.run(event.to, since, id, row.state, row.version).changes !== 1) {
      throw new Error('lost the race');
    }
    insert.run(event.eventId, event.key, event.payload);
  });
  const place = placesOf(uuids, callers);
  return {
    version: connection.prepare('SELECT sqlite_version() AS version').get().version,
    // Each caller lets the others have their turn, as anything that answers requests does.
    operation: async (caller) => {
      move.immediate(place(caller));
      await new Promise(setImmediate);
    },
    close: () => connection.close(),
  };
}
