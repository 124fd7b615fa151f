import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { createSignalbox, migrations } from '../dist/src/index.js';
import { batches, byHandSchema, placesOf, transaction } from './by-hand-postgres.mjs';
import { Lamp, lampEntity } from './lamp.mjs';
import { best, compare } from './measure.mjs';

const resources = 20_000;
const batchSize = 100;

/** Signalbox on PostgreSQL against what an engineer writes by hand for the same job. */
export async function postgresTransitions({ rounds, seconds, callers, log }) {
  const database = await createDatabase();
  try {
    const tables = [];
    for (const count of callers) {
      tables.push(await transitionsBy(database, count, { rounds, seconds, log }));
    }
    return { settings: await settingsOf(database.dataSource), tables };
  } finally {
    await database.drop();
  }
}

async function transitionsBy(
  { dataSource, signalbox, url, uuids },
  callers,
  { rounds, seconds, log },
) {
  const pools = [];
  const open = (contender) => {
    pools.push(contender.pool);
    return contender;
  };
  try {
    await reset(dataSource);
    log(`${callers} callers: looking for the best number of connections by hand`);
    const byHand = await best(
      [1, 2, 4, 8, 16, 32]
        .filter((connections) => connections <= callers)
        .map((connections) => ({
          ...open(transaction(url, uuids, { connections, callers })),
          name: `by hand, BEGIN … COMMIT, ${plural(connections)}`,
          callers,
        })),
    );
    const contenders = [signalboxTransition(signalbox, uuids, callers), byHand];
    if (callers >= batchSize) {
      const candidates = [];
      for (const connections of [1, 2, 4]) {
        const table = `by_hand_lamp_${connections}`;
        await dataSource.query(`DROP TABLE IF EXISTS ${table}`);
        await dataSource.query(`CREATE TABLE ${table} (LIKE by_hand_lamp INCLUDING ALL)`);
        await dataSource.query(
          `INSERT INTO ${table}
            SELECT id, 'Off', 1, state_since, account, domain, project FROM by_hand_lamp`,
        );
        await dataSource.query(`VACUUM ANALYZE ${table}`);
        candidates.push({
          ...open(batches(url, uuids, { connections, size: batchSize, table })),
          name: `by hand, batches of ${batchSize}, ${plural(connections)}`,
          callers: connections,
        });
      }
      contenders.push(await best(candidates));
    }
    log(`${callers} callers: ${rounds} rounds`);
    return { callers, results: await compare(contenders, { rounds, seconds }) };
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
  }
}

function signalboxTransition(signalbox, uuids, callers) {
  const place = placesOf(uuids, callers);
  const isOn = new Set();
  return {
    name: 'signalbox.transition()',
    callers,
    async operation(caller) {
      const uuid = place(caller);
      if (isOn.delete(uuid)) {
        await signalbox.transition(Lamp, uuid, 'SwitchedOff', { actor: 'bench' });
      } else {
        await signalbox.transition(Lamp, uuid, 'SwitchedOn', { actor: 'bench' });
        isOn.add(uuid);
      }
    },
  };
}

async function createDatabase() {
  const server = process.env.SIGNALBOX_TEST_POSTGRES;
  if (server === undefined) {
    throw new Error(
      'Run `npm run bench`: it provides the servers (SIGNALBOX_TEST_POSTGRES is not set).',
    );
  }
  const name = `signalbox_bench_${randomUUID().slice(0, 8)}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const dataSource = await new DataSource({
    type: 'postgres',
    url,
    entities: [lampEntity],
    migrations: [...migrations],
  }).initialize();
  await dataSource.runMigrations();
  for (const statement of [lampTable, ...byHandSchema]) await dataSource.query(statement);
  const uuids = Array.from({ length: resources }, () => randomUUID());
  await fill(dataSource, uuids);
  // The relay is measured apart: what is written by hand here has none either.
  const signalbox = await createSignalbox({
    dataSource,
    resources: [Lamp],
    relay: false,
    deadlines: false,
  });
  return {
    dataSource,
    signalbox,
    url,
    uuids,
    async drop() {
      await signalbox.close();
      await dataSource.destroy();
      await onServer(server, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

const lampTable = `CREATE TABLE lamp (
  uuid uuid PRIMARY KEY, state varchar(255) NOT NULL, revision integer NOT NULL,
  state_since varchar(24) NOT NULL, lifecycle_version integer NOT NULL,
  account varchar(255), domain varchar(255), project varchar(255))`;

async function fill(dataSource, uuids) {
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
}

const plural = (connections) => `${connections} connection${connections === 1 ? '' : 's'}`;

/** Every set of callers begins with the same rows, and no history. */
async function reset(dataSource) {
  await dataSource.query('TRUNCATE signalbox_journal, signalbox_outbox, by_hand_outbox');
  await dataSource.query(`UPDATE lamp SET state = 'Off', revision = 1`);
  await dataSource.query(`UPDATE by_hand_lamp SET state = 'Off', version = 1`);
  await dataSource.query('VACUUM ANALYZE');
}

async function settingsOf(dataSource) {
  const settings = {};
  for (const name of ['server_version', 'fsync', 'synchronous_commit', 'full_page_writes']) {
    const [row] = await dataSource.query(`SHOW ${name}`);
    settings[name] = row[name];
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
