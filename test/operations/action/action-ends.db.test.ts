import { cloudStackEventTypes } from '../../../machines/index.js';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VirtualMachine } from '../../../src/cli/demo/entities.js';
import { connectDatabase } from '../../../src/config/connect-database.js';
import { ActionNotAnnouncedError } from '../../../src/core/errors/errors.js';
import type { ActionEvent } from '../../../src/core/events/event.js';
import { createSignalbox } from '../../../src/signalbox/create-signalbox.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';
import { type Cloud, openCloud } from '../../e2e/support/cloud.js';
import { eachDatabase, neverBlockOnLocks } from '../../support/databases.js';
import { eventually } from '../../support/eventually.js';
import { startNode } from '../../support/run-node.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';

const child = resolve(import.meta.dirname, 'fixtures/started-action-child.ts');

eachDatabase((kind) => {
  let cloud: Cloud;
  let signalbox: Signalbox;
  let subject: { readonly resource: string; readonly uuid: string };

  beforeAll(async () => {
    cloud = await openCloud(kind);
    await neverBlockOnLocks(cloud.dataSource);
    signalbox = await cloud.open({ relay: false, deadlines: false });
    const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
    subject = { resource: 'VirtualMachine', uuid };
  });
  afterAll(() => cloud?.[Symbol.asyncDispose]());

  const actions = async (): Promise<readonly ActionEvent[]> =>
    (await cloud.journal()).flatMap(({ event }) =>
      event.category === 'ActionEvent' ? [event] : [],
    );
  const eventsOf = async (startid: string): Promise<readonly ActionEvent[]> =>
    (await actions()).filter(({ id, data }) => id === startid || data.startid === startid);
  const records = async (): Promise<readonly string[]> => {
    const rows = await cloud.dataSource.query<{ uuid: string }[]>(
      `SELECT uuid FROM signalbox_deadline WHERE resource = '(action)'`,
    );
    return rows.map(({ uuid }) => uuid);
  };

  /** Another process's worth. */
  const sweeper = async (): Promise<() => Promise<void>> => {
    const dataSource = await connectDatabase(cloud.url, { entities: [VirtualMachine] });
    await neverBlockOnLocks(dataSource);
    const sweeping = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [VirtualMachine],
      relay: false,
      deadlines: { pollInterval: 20 },
    });
    return async () => {
      await sweeping.close();
      await dataSource.destroy();
    };
  };

  const awkward = {
    'too large': { log: 'x'.repeat(300 * 1024) },
    'no JSON any more': { sizes: [1] as unknown[] },
  };
  test.each(Object.entries(awkward))(
    'details that are %s are left out of the end, and the result is kept',
    async (_, details) => {
      let started = '';
      const result = await signalbox.action('VM.START', { subject }, (action) => {
        started = action.id;
        action.addDetails(details as never);
        if ('sizes' in details) details.sizes.push(1n);
        return 'done';
      });
      expect(result).toBe('done');
      const [, completed] = await eventsOf(started);
      expect(completed?.data).toMatchObject({ status: 'Completed', startid: started });
      expect(completed?.data.details).toBeUndefined();
      expect(await records()).toEqual([]);
    },
  );

  test('an action that fails with details that are too large is told without them', async () => {
    const error = new Error('no capacity');
    await expect(
      signalbox.action('VM.START', { subject }, (action) => {
        action.addDetails(awkward['too large']);
        throw error;
      }),
    ).rejects.toBe(error);
    const failed = (await actions()).at(-1);
    expect(failed?.data).toMatchObject({ status: 'Failed', error: { message: 'no capacity' } });
    expect(failed?.data.details).toBeUndefined();
    expect(await records()).toEqual([]);
  });

  test.runIf(kind !== 'sqlite')(
    'with the database away at the end the error has the result, and the end is told when it is back',
    async () => {
      const target = new URL(cloud.url);
      const between = await startTcpProxy({ host: target.hostname, port: Number(target.port) });
      target.hostname = '127.0.0.1';
      target.port = String(between.port);
      const dataSource = await connectDatabase(target.href, { entities: [VirtualMachine] });
      const away = await createSignalbox({
        dataSource,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: [VirtualMachine],
        relay: false,
        deadlines: false,
      });
      try {
        let started = '';
        const error: unknown = await away
          .action('VM.START', { subject }, (action) => {
            started = action.id;
            between.refuse();
            between.cut();
            return { vm: 'running' };
          })
          .catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(ActionNotAnnouncedError);
        expect(error).toMatchObject({
          code: 'ACTION_NOT_ANNOUNCED',
          retryable: false,
          result: { vm: 'running' },
        });
        expect(await eventsOf(started)).toHaveLength(1);
        between.open();
        await eventually(async () => {
          const [, completed] = await eventsOf(started);
          expect(completed?.data.status).toBe('Completed');
        });
        expect(await records()).toEqual([]);
      } finally {
        await away.close();
        await dataSource.destroy();
        await between.close();
      }
    },
  );

  test('an action whose process died is ended once, by whoever sweeps, and one that runs is not', async () => {
    await using process = startNode(child, [cloud.url, subject.uuid]);
    await process.line('started', { deadline: 60_000 });
    const [died] = await records();
    expect(await records()).toHaveLength(1);
    process.kill('SIGKILL');
    await process.exited;

    await signalbox.action('VM.STOP', { subject }, async (running) => {
      const past = { postgres: `'2020-01-01'`, mariadb: `'2020-01-01'`, sqlite: '0' }[kind];
      await cloud.dataSource.query(
        `UPDATE signalbox_deadline SET due_at = ${past}
          WHERE resource = '(action)' AND uuid = '${died}'`,
      );
      const sweepers = await Promise.all([sweeper(), sweeper()]);
      try {
        await eventually(async () => expect(await records()).toEqual([running.id]));
      } finally {
        await Promise.all(sweepers.map((close) => close()));
      }
    });
    expect(await records()).toEqual([]);

    const [started, failed, ...others] = await eventsOf(died as string);
    expect(others).toEqual([]);
    expect(started?.data.status).toBe('Started');
    expect(failed).toMatchObject({
      type: 'VM.START',
      subject: `VirtualMachine/${subject.uuid}`,
      actor: 'alice',
      account: 'acme',
      correlationid: 'request-7',
      causationid: died,
      data: {
        status: 'Failed',
        startid: died,
        error: { name: 'Abandoned', code: 'ACTION_ABANDONED' },
        details: { host: 'host-7' },
      },
    });
  }, 120_000);

  test('an action in a transaction of the caller leaves no record', async () => {
    await cloud.dataSource.transaction((manager) =>
      signalbox.action('VM.START', { subject, manager }, () => undefined),
    );
    expect(await records()).toEqual([]);
  });
});
