import type { DataSource, QueryRunner } from 'typeorm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Volume } from '../../src/cli/demo/entities.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { UnavailableError } from '../../src/core/errors/errors.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { type Cloud, openCloud } from '../e2e/support/cloud.js';
import { eachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { type Calm, type Committing, committing } from './cut-at-commit.js';

/** Connections of the pool that `openCloud` makes. */
const poolSize = 10;

/** Runs `work` on as many connections of the pool as it has, all at once. */
async function onEachConnection(
  dataSource: DataSource,
  work: (runner: QueryRunner) => Promise<unknown>,
): Promise<void> {
  const runners = Array.from({ length: poolSize }, () => dataSource.createQueryRunner());
  await Promise.all(runners.map((runner) => runner.connect()));
  await Promise.all(runners.map(work));
  await Promise.all(runners.map((runner) => runner.release()));
}

/** Resolves with how often the call failed before it was made. */
async function failuresOf(call: () => Promise<unknown>): Promise<number> {
  let failures = 0;
  await eventually(
    async () => {
      try {
        await call();
      } catch (error) {
        failures += 1;
        expect(error).toBeInstanceOf(UnavailableError);
        throw error;
      }
    },
    { every: 1 },
  );
  return failures;
}

const names = Object.keys(committing);
/** What the deadline and the inbox do is no call of a user's. */
const calls = names.filter((name) => !/deadline|idempotent/.test(name));

eachDatabase((kind) => {
  let cloud: Cloud;
  let signalbox: Signalbox;
  let calm: Calm;
  const raw = memoryBus();

  beforeAll(async () => {
    cloud = await openCloud(kind);
    signalbox = await cloud.open({ relay: false, deadlines: false, bus: raw });
    calm = { signalbox, dataSource: cloud.dataSource };
  });
  afterAll(async () => {
    await cloud[Symbol.asyncDispose]();
    await raw.close();
  });
  const prepare = (name: string) => (committing[name] as Committing).prepare(calm);

  describe.each(calls)('%s', (name) => {
    test('is refused inside a transaction that was not passed on, and writes nothing', async () => {
      const prepared = await prepare(name);
      const code = 'TRANSACTION_WAITS_FOR_ITSELF';
      await cloud.dataSource.transaction(async () => {
        await expect(prepared.call(calm)).rejects.toMatchObject({ code });
        // What somebody wraps around it does not hide the transaction.
        await expect(signalbox.withContext({}, () => prepared.call(calm))).rejects.toMatchObject({
          code,
        });
      });
      const runner = cloud.dataSource.createQueryRunner();
      await runner.startTransaction();
      await expect(prepared.call(calm)).rejects.toMatchObject({ code });
      await runner.rollbackTransaction();
      await runner.release();
      expect(await prepared.isThere()).toBe(false);
      // The same context, and no transaction any more.
      await prepared.call(calm);
      expect(await prepared.isThere()).toBe(true);
    });
  });

  test('a call beside a transaction, and after it, is not refused', async () => {
    const { uuid } = await signalbox.create(Volume, { sizeGib: 1 });
    let goOn: () => void = () => {};
    const ended = new Promise<void>((resolve) => (goOn = resolve));
    let later: Promise<unknown> | undefined;
    const transaction = cloud.dataSource.transaction(async (manager) => {
      await manager.query('SELECT 1');
      // Begun inside, and goes on when the transaction has ended.
      later = ended.then(() => signalbox.transition(Volume, uuid, 'CreateRequested'));
    });
    const beside = signalbox.recordUsage('VM.START');
    await Promise.all([transaction, beside]);
    goOn();
    await later;
    // A runner that somebody released in the midst is of no transaction of ours.
    const runner = cloud.dataSource.createQueryRunner();
    await runner.startTransaction();
    if (kind === 'sqlite') await runner.rollbackTransaction();
    await runner.release();
    await signalbox.transition(Volume, uuid, 'OperationSucceeded');
    expect((await signalbox.history(Volume, uuid)).length).toBe(3);
  });

  test('the handler of a bus in the process is not inside the transaction of whoever publishes', async () => {
    await using bus = memoryBus();
    const outcomes: unknown[] = [];
    await bus.subscribe(['#'], async () => {
      outcomes.push(await signalbox.recordUsage('VM.START').catch((error: unknown) => error));
    });
    await cloud.dataSource.transaction(async (manager) => {
      await manager.query('SELECT 1');
      await bus.publish({
        id: 'a',
        key: 'a.b',
        headers: {},
        contentType: 'text/plain',
        body: Buffer.from('x'),
      });
      if (kind !== 'sqlite') await eventually(() => expect(outcomes).toHaveLength(1));
    });
    await eventually(() => expect(outcomes).toEqual([expect.any(String)]));
  });

  if (kind === 'sqlite') return;

  describe.each(names)('%s', (name) => {
    test('is committed, whatever transactions others left open on the connections', async () => {
      const prepared = await prepare(name);
      // Released before the server has answered: nothing tells the pool.
      await onEachConnection(cloud.dataSource, (runner) => {
        void runner.query('START TRANSACTION');
        return Promise.resolve();
      });
      await prepared.call(calm);
      // What is not committed is gone with the connections.
      await onEachConnection(cloud.dataSource, (runner) => runner.query('ROLLBACK'));
      expect(await prepared.isThere()).toBe(true);
    });

    test('fails once for each connection that takes no writes any more, and then succeeds', async () => {
      const prepared = await prepare(name);
      await onEachConnection(cloud.dataSource, (runner) =>
        runner.query(
          kind === 'postgres'
            ? 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY'
            : 'SET SESSION TRANSACTION READ ONLY',
        ),
      );
      expect(await failuresOf(() => prepared.call(calm))).toBeLessThanOrEqual(poolSize);
      expect(await prepared.isThere()).toBe(true);
    });
  });

  test('a connection that breaks before its new owner listens does not end the process', async () => {
    const { driver } = cloud.dataSource as unknown as {
      readonly driver: { obtainMasterConnection(): Promise<unknown> };
    };
    const obtained = await driver.obtainMasterConnection();
    const [connection, release] = [obtained].flat() as [
      NodeJS.EventEmitter & { destroy?(): void },
      ((broken: boolean) => void)?,
    ];
    // Without a listener an error event is thrown; of several, the first may take the listener along.
    connection.emit('error', new Error('57P01'));
    connection.emit('error', new Error('57P01'));
    if (release === undefined) connection.destroy?.();
    else release(true);
    expect(await signalbox.recordUsage('VM.START')).toEqual(expect.any(String));
  });

  test('what was left open by others is never committed by a call', async () => {
    const volume = await signalbox.create(Volume, { sizeGib: 7 });
    await onEachConnection(cloud.dataSource, (runner) => runner.query('START TRANSACTION'));
    const runner = cloud.dataSource.createQueryRunner();
    await runner.query('START TRANSACTION');
    await runner.query('UPDATE demo_volume SET size_gib = 99');
    await runner.release();
    await signalbox.recordUsage('VM.START');
    await signalbox.create(Volume, { sizeGib: 1 });
    const { uuid } = volume;
    expect(await cloud.dataSource.manager.findOneBy(Volume, { uuid })).toMatchObject({
      sizeGib: 7,
    });
  });
});
