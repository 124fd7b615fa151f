import { afterAll, beforeAll, expect, test } from 'vitest';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import type { AsyncJobEvent } from '../../../src/core/events/event.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';
import { type Cloud, openCloud } from '../../e2e/support/cloud.js';
import { eachDatabase } from '../../support/databases.js';

const uuid = '6a1f8a4e-54e4-4b8e-9b38-3d1e6f0e9b11';

class Regret extends Error {}

eachDatabase((kind) => {
  let cloud: Cloud;
  let signalbox: Signalbox;
  const bus = memoryBus();

  beforeAll(async () => {
    cloud = await openCloud(kind);
    signalbox = await cloud.open({ bus });
  });
  afterAll(async () => {
    await cloud[Symbol.asyncDispose]();
    await bus.close();
  });

  const told = async (job: string): Promise<readonly AsyncJobEvent[]> =>
    (await cloud.journal()).flatMap(({ event }) =>
      event.category === 'AsyncJobEvent' && event.data.jobId === job ? [event] : [],
    );
  const rows = (): Promise<unknown[]> => cloud.dataSource.query('SELECT id FROM signalbox_job');

  test('a job is told from submission to completion, each event linked to the first', async () => {
    const subject = { resource: 'Volume', uuid: uuid.toUpperCase() };
    const job = await signalbox.jobs.submit('createSnapshot', { subject, actor: 'alice' });
    expect(await rows()).toHaveLength(1);
    await signalbox.jobs.update(job, 42.5);
    await signalbox.jobs.complete(job.toUpperCase(), { snapshot: 'made' });
    const [submit, update, complete, ...others] = await told(job);
    expect(others).toEqual([]);
    expect(submit).toMatchObject({
      type: 'submit',
      subject: `Volume/${uuid}`,
      actor: 'alice',
      correlationid: job,
      data: { jobId: job, command: 'createSnapshot', status: 'IN_PROGRESS', progress: 0 },
    });
    expect(update).toMatchObject({
      type: 'update',
      subject: `Volume/${uuid}`,
      correlationid: job,
      causationid: submit?.id,
      data: { status: 'IN_PROGRESS', progress: 42.5 },
    });
    expect(complete).toMatchObject({
      type: 'complete',
      correlationid: job,
      causationid: submit?.id,
      data: { jobId: job, status: 'SUCCEEDED', result: { snapshot: 'made' } },
    });
    expect(await rows()).toEqual([]);
  });

  test('a command that no row can hold is refused, and nothing is announced', async () => {
    for (const command of ['', 'c'.repeat(256)]) {
      await expect(signalbox.jobs.submit(command)).rejects.toMatchObject({ code: 'EVENT_INVALID' });
    }
  });

  test('a job that fails is told with its error', async () => {
    const job = await signalbox.jobs.submit('createSnapshot');
    await signalbox.jobs.fail(job, new RangeError('no space'));
    expect((await told(job)).at(-1)?.data).toMatchObject({
      status: 'FAILED',
      error: { name: 'RangeError', message: 'no space' },
    });
  });

  test('of many who complete a job at once, one does; the others are refused', async () => {
    const job = await signalbox.jobs.submit('createSnapshot');
    const results = await Promise.allSettled([
      ...Array.from({ length: 4 }, () => signalbox.jobs.complete(job)),
      signalbox.jobs.fail(job, 'late'),
    ]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected')
        expect(result.reason).toMatchObject({ code: 'UNKNOWN_JOB' });
    }
    expect((await told(job)).map(({ type }) => type)).toEqual(['submit', 'complete']);
  });

  test('progress is never told behind the end', async () => {
    const job = await signalbox.jobs.submit('createSnapshot');
    await Promise.allSettled([
      ...Array.from({ length: 6 }, (_, index) => signalbox.jobs.update(job, index)),
      signalbox.jobs.complete(job),
      ...Array.from({ length: 6 }, (_, index) => signalbox.jobs.update(job, 90 + index)),
    ]);
    const types = (await told(job)).map(({ type }) => type);
    expect(types.filter((type) => type === 'complete')).toHaveLength(1);
    expect(types.at(-1)).toBe('complete');
  });

  test('a job is a part of the transaction it is given', async () => {
    let job = '';
    await expect(
      cloud.dataSource.transaction(async (manager) => {
        job = await signalbox.jobs.submit('never', { manager });
        await signalbox.jobs.update(job, 50, { manager });
        await signalbox.jobs.complete(job, { done: true }, { manager });
        throw new Regret();
      }),
    ).rejects.toBeInstanceOf(Regret);
    expect(await told(job)).toEqual([]);
    await expect(signalbox.jobs.update(job, 60)).rejects.toMatchObject({ code: 'UNKNOWN_JOB' });
  });

  test('an end or a progress that cannot be told leaves the job under way, in a transaction too', async () => {
    const job = await signalbox.jobs.submit('createSnapshot');
    const oversized = { log: 'x'.repeat(300_000) };
    await cloud.dataSource.transaction(async (manager) => {
      await expect(signalbox.jobs.complete(job, oversized, { manager })).rejects.toMatchObject({
        code: 'PAYLOAD_TOO_LARGE',
      });
      const nobody = { manager, actor: 7 as unknown as string };
      await expect(signalbox.jobs.update(job, 50, nobody)).rejects.toMatchObject({
        code: 'OPTION_INVALID',
      });
      await signalbox.jobs.fail(job, new Error('the log was too long'), { manager });
    });
    expect((await told(job)).map(({ data }) => data.status)).toEqual(['IN_PROGRESS', 'FAILED']);
  });

  test('a manager without a transaction is refused before anything is written', async () => {
    const job = await signalbox.jobs.submit('createSnapshot');
    const { manager } = cloud.dataSource;
    await expect(signalbox.jobs.complete(job, {}, { manager })).rejects.toMatchObject({
      code: 'TRANSACTION_MISSING',
    });
    await signalbox.jobs.complete(job);
  });

  test('what cannot be is refused, and nothing is written', async () => {
    const job = await signalbox.jobs.submit('createSnapshot');
    const before = (await cloud.journal()).length;
    for (const [refused, code] of [
      [() => signalbox.jobs.update(uuid, 5), 'UNKNOWN_JOB'],
      [() => signalbox.jobs.complete('no-uuid'), 'MALFORMED_UUID'],
      [() => signalbox.jobs.update(job, 101), 'EVENT_INVALID'],
      [() => signalbox.jobs.update(job, Number.NaN), 'EVENT_INVALID'],
      [() => signalbox.jobs.complete(job, { at: new Date() as never }), 'PAYLOAD_NOT_JSON'],
      [
        () => signalbox.jobs.submit('x', { subject: { resource: 'Volume', uuid: '7' } }),
        'MALFORMED_UUID',
      ],
    ] as const) {
      await expect(refused()).rejects.toMatchObject({ code });
    }
    expect((await cloud.journal()).length).toBe(before);
    await signalbox.jobs.complete(job);
  });
});
