import { cloudStackEventTypes } from 'signalbox/machines';
import { randomUUID } from 'node:crypto';
import mysql from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { createSignalbox, migrations } from '../../dist/index.js';
import { byHandSchema, transaction } from '../by-hand/mysql.mjs';
import { figure } from '../figure.mjs';
import { Lamp, lampCount, lampEntity, switching } from '../lamp.mjs';
import { best, compare, looped } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { serverUrl } from '../servers/url.mjs';

const callers = 256;

/** One transition with its event by many callers, against the transaction by hand. */
export const mariadb = {
  name: 'mariadb',
  title: 'one transition with its event, MariaDB',
  run: (options) =>
    scoped(async (open) => {
      const { dataSource, signalbox, url, uuids } = open(await mariadbDatabase());
      options.log('  looking for the best number of connections by hand');
      const byHand = await best(
        [4, 8, 16, 32].map((connections) => {
          const way = open(transaction(url, uuids, { connections, callers }));
          const name = `prepared transaction with mysql2, ${connections} connections`;
          return looped(name, callers, way.operation);
        }),
        options,
      );
      const [subject, reference] = await compare(
        [looped('signalbox.transition()', callers, switching(signalbox, uuids, callers)), byHand],
        options,
      );
      const name = `${callers} callers, MariaDB`;
      return {
        settings: await settingsOf(dataSource),
        figures: [figure({ name, goal: { least: 5 }, subject, reference })],
      };
    }),
};

const lampTable = `CREATE TABLE lamp (
  uuid char(36) CHARACTER SET ascii PRIMARY KEY, state varchar(255) NOT NULL, revision integer NOT NULL,
  state_since varchar(24) NOT NULL, lifecycle_version integer NOT NULL,
  account varchar(255), domain varchar(255), project varchar(255))`;

async function mariadbDatabase() {
  const server = serverUrl('MARIADB');
  const name = `signalbox_bench_${randomUUID().slice(0, 8)}`;
  await onServer(server, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href;
  const dataSource = await new DataSource({
    type: 'mariadb',
    url,
    entities: [lampEntity],
    migrations: [...migrations],
  }).initialize();
  await dataSource.runMigrations();
  for (const statement of [lampTable, ...byHandSchema]) await dataSource.query(statement);
  const uuids = Array.from({ length: lampCount }, () => randomUUID());
  for (let from = 0; from < uuids.length; from += 1_000) {
    const rows = uuids.slice(from, from + 1_000);
    await dataSource.query(
      `INSERT INTO lamp VALUES ${rows
        .map(() => `(?, 'Off', 1, '2026-01-01T00:00:00.000Z', 1, 'account-1', 'domain-1', NULL)`)
        .join(', ')}`,
      rows,
    );
  }
  await dataSource.query(
    `INSERT INTO by_hand_lamp SELECT uuid, 'Off', 1, now(3), 'account-1', 'domain-1', NULL FROM lamp`,
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
    dataSource,
    signalbox,
    url,
    uuids,
    async close() {
      await signalbox.close();
      await dataSource.destroy();
      await onServer(server, `DROP DATABASE ${name}`);
    },
  };
}

async function settingsOf(dataSource) {
  const [row] = await dataSource.query(
    `SELECT VERSION() AS version, @@innodb_flush_log_at_trx_commit AS flush, @@sync_binlog AS binlog,
      @@log_bin AS log_bin, @@innodb_doublewrite AS doublewrite`,
  );
  return {
    MariaDB: row.version.split('-')[0],
    innodb_flush_log_at_trx_commit: row.flush,
    innodb_doublewrite: row.doublewrite,
    log_bin: row.log_bin,
    sync_binlog: row.binlog,
  };
}

async function onServer(url, statement) {
  const connection = await mysql.createConnection({ uri: url });
  try {
    await connection.query(statement);
  } finally {
    await connection.end();
  }
}
