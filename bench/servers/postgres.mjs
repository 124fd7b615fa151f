import { cloudStackEventTypes } from 'signalbox/machines';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createSignalbox, migrations } from '../../dist/index.js';
import { byHandSchema } from '../by-hand/postgres.mjs';
import { Lamp, lampCount, lampEntity } from '../lamp.mjs';
import { serverUrl } from './url.mjs';

const lampTable = `CREATE TABLE lamp (
  uuid uuid PRIMARY KEY, state varchar(255) NOT NULL, revision integer NOT NULL,
  state_since varchar(24) NOT NULL, lifecycle_version integer NOT NULL,
  account varchar(255), domain varchar(255), project varchar(255))`;

/**
 * A database of its own with lamps, the same by hand, and a Signalbox on it. The relay is off unless
 * `options` say otherwise.
 */
export async function postgresDatabase({ entities = [], lamps = lampCount, ...options } = {}) {
  const server = serverUrl('POSTGRES');
  const name = `signalbox_bench_${randomUUID().slice(0, 8)}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const dataSource = await new DataSource({
    type: 'postgres',
    url,
    entities: [lampEntity, ...entities],
    migrations: [...migrations],
  }).initialize();
  await dataSource.runMigrations();
  for (const statement of [lampTable, ...byHandSchema]) await dataSource.query(statement);
  const uuids = Array.from({ length: lamps }, () => randomUUID());
  await dataSource.query(
    `INSERT INTO lamp
      SELECT uuid, 'Off', 1, '2026-01-01T00:00:00.000Z', 1, 'account-1', 'domain-1', NULL
      FROM unnest($1::uuid[]) AS uuid`,
    [uuids],
  );
  await dataSource.query(
    `INSERT INTO by_hand_lamp SELECT uuid, 'Off', 1, now(), 'account-1', 'domain-1', NULL FROM lamp`,
  );
  await dataSource.query('VACUUM ANALYZE');
  const signalbox = await createSignalbox({
    dataSource,
    source: 'management-server',
    eventTypes: cloudStackEventTypes,
    resources: [Lamp],
    relay: false,
    deadlines: false,
    ...options,
  });
  return {
    dataSource,
    signalbox,
    url,
    uuids,
    /** The same rows again, and no history. */
    async reset() {
      await dataSource.query(
        'TRUNCATE signalbox_journal, signalbox_outbox, by_hand_outbox, by_hand_journal, by_hand_pending',
      );
      await dataSource.query(`UPDATE lamp SET state = 'Off', revision = 1`);
      await dataSource.query(`UPDATE by_hand_lamp SET state = 'Off', version = 1`);
      await dataSource.query('VACUUM ANALYZE');
    },
    async close() {
      await signalbox.close();
      await dataSource.destroy();
      await onServer(server, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** What decides how durable a commit is. */
export async function postgresSettings(dataSource) {
  const settings = {};
  for (const name of ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes']) {
    const [row] = await dataSource.query(`SHOW ${name}`);
    settings[name === 'server_version' ? 'PostgreSQL' : name] = row[name].split(' ')[0];
  }
  return settings;
}

async function onServer(url, statement) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
