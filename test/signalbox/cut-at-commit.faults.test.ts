import { cloudStackEventTypes } from '../../machines/index.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectDatabase } from '../../src/config/connect-database.js';
import { SignalboxError } from '../../src/core/errors/errors.js';
import { Jobs } from '../../src/operations/jobs/jobs.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { Signalbox } from '../../src/signalbox/signalbox.js';
import { cloudResources } from '../e2e/support/cloud.js';
import { eventually } from '../support/eventually.js';
import { startPrivateMariadb } from '../support/private-mariadb.js';
import { startPrivatePostgres } from '../support/private-postgres.js';
import { startTcpProxy, type TcpProxy, type Verdict } from '../support/tcp-proxy.js';
import {
  atCommit,
  type Calm,
  type Committing,
  committing,
  notCommitting,
  publicMethods,
} from './cut-at-commit.js';

test('every public method is either cut at its commit here, or commits nothing', () => {
  const known = [...Object.keys(committing), ...Object.keys(notCommitting)];
  const methods = [
    ...publicMethods(Signalbox),
    ...publicMethods(Jobs).map((name) => `jobs.${name}`),
  ];
  expect(methods.filter((name) => !known.includes(name))).toEqual([]);
});

interface Server {
  readonly port: number;
  url(database: string): string;
  kill(): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
}

const servers: Readonly<Record<'postgres' | 'mariadb', () => Promise<Server>>> = {
  async postgres() {
    const server = await startPrivatePostgres();
    await server.query('CREATE DATABASE cut');
    return server;
  },
  async mariadb() {
    const server = await startPrivateMariadb();
    await server.query('CREATE DATABASE cut');
    return server;
  },
};

/** How a call ended, in what it tells its caller. */
type Told = 'committed' | 'not committed' | 'unknown';

async function tell(call: Promise<unknown>): Promise<Told> {
  try {
    await call;
    return 'committed';
  } catch (error) {
    const code = error instanceof SignalboxError ? error.code : undefined;
    if (code === 'DATABASE_UNAVAILABLE') return 'not committed';
    // The end of an action is tried again while the process lives.
    if (code === 'OUTCOME_UNKNOWN' || code === 'ACTION_NOT_ANNOUNCED') return 'unknown';
    throw error;
  }
}

describe.each(['postgres', 'mariadb'] as const)('on %s', (kind) => {
  let server: Server;
  let proxy: TcpProxy;
  let calm: Calm;
  /** Its connections may be cut. */
  let cut: Calm;

  beforeAll(async () => {
    server = await servers[kind]();
    proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port });
    const open = async (url: string): Promise<Calm> => {
      const dataSource = await connectDatabase(url, {
        entities: [...cloudResources],
        migrations: [...migrations],
        poolSize: 20,
      });
      if (calm === undefined) {
        await dataSource.synchronize();
        await migrate(dataSource);
      }
      const signalbox = await createSignalbox({
        dataSource,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: cloudResources,
        relay: false,
        deadlines: false,
      });
      return { dataSource, signalbox };
    };
    const url = server.url('cut');
    calm = await open(url);
    cut = await open(url.replace(`:${server.port}/`, `:${proxy.port}/`));
  });
  afterAll(async () => {
    for (const each of [calm, cut]) {
      await each?.signalbox.close();
      await each?.dataSource.destroy();
    }
    await proxy?.close();
    await server?.dispose();
  });

  /** Cuts the call at its commit, and compares what it tells with what is there. */
  async function expectTruth(name: string, verdict: Verdict): Promise<Told> {
    const prepared = await (committing[name] as Committing).prepare(calm);
    let cuts = 0;
    proxy.inspect(atCommit(() => (cuts++ === 0 ? verdict : 'pass')));
    try {
      const outcome = await tell(prepared.call(cut));
      expect(cuts, 'commits seen').toBeGreaterThan(0);
      if (outcome !== 'unknown') {
        expect({ outcome, isThere: await prepared.isThere() }).toEqual({
          outcome,
          isThere: outcome === 'committed',
        });
      }
      return outcome;
    } finally {
      proxy.inspect(undefined);
    }
  }

  describe.each(Object.keys(committing))('%s', (name) => {
    test('resolves when the connection is cut behind its commit', async () => {
      expect(await expectTruth(name, 'pass and cut')).toBe('committed');
    });

    test('says that nothing was committed when the connection is cut before', async () => {
      expect(await expectTruth(name, 'cut')).toBe('not committed');
    });
  });

  test('every call tells the truth when the server is killed while they all commit', async () => {
    const prepared = await Promise.all(
      Object.entries(committing).map(
        async ([name, each]) => [name, await each.prepare(calm)] as const,
      ),
    );
    const held: ((verdict: Verdict) => void)[] = [];
    proxy.inspect(atCommit(() => new Promise((resolve) => held.push(resolve))));
    const calls = prepared.map(async ([name, each]) => [name, await tell(each.call(cut))] as const);
    // Group commits may share one.
    await eventually(() => expect(held.length).toBeGreaterThanOrEqual(prepared.length - 1));
    proxy.inspect(undefined);
    held.forEach((resolve) => resolve('pass'));
    await server.kill();
    await server.start();
    for (const [name, outcome] of await Promise.all(calls)) {
      // Connections of before the kill fail once each.
      const isThere = await eventually(() =>
        prepared.find(([other]) => other === name)?.[1].isThere(),
      );
      if (outcome !== 'unknown') {
        expect({ name, isThere }).toEqual({ name, isThere: outcome === 'committed' });
      }
    }
  });
});
