import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Volume } from '../../src/cli/demo/entities.js';
import { Jobs } from '../../src/operations/jobs/jobs.js';
import { rabbitmq } from '../../src/delivery/amqp/index.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { Signalbox } from '../../src/signalbox/signalbox.js';
import { type Cloud, openCloud } from '../e2e/support/cloud.js';
import { eachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { serviceUrl } from '../support/service-url.js';
import { uniqueName } from '../support/unique-name.js';

/** A promise with its resolve. */
function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

eachDatabase((kind) => {
  let cloud: Cloud;
  beforeAll(async () => {
    cloud = await openCloud(kind);
  });
  afterAll(() => cloud[Symbol.asyncDispose]());

  test('a program of three transitions that closes at once has printed all of them', async () => {
    await using bus = memoryBus();
    const signalbox = await cloud.open({ bus });
    const printed: string[] = [];
    await signalbox.subscribe({ category: 'ResourceStateEvent', resource: Volume }, (event) => {
      printed.push(event.data.new ?? 'none');
    });
    const { uuid } = await signalbox.create(Volume, { sizeGib: 1 });
    await signalbox.transition(Volume, uuid, 'CreateRequested');
    await signalbox.transition(Volume, uuid, 'OperationSucceeded');
    await signalbox.close();
    expect(printed).toHaveLength(3);
  });

  test('what handlers do while it closes works, and reaches the subscribers too', async () => {
    await using bus = memoryBus();
    const signalbox = await cloud.open({ bus });
    const seen: string[] = [];
    await signalbox.subscribe(
      { category: 'ResourceStateEvent', resource: Volume },
      async ({ data, partitionkey }) => {
        await delay(5);
        if (data.event === 'Created')
          await signalbox.transition(Volume, partitionkey as string, 'CreateRequested');
        if (data.event === 'CreateRequested')
          await signalbox.transition(Volume, partitionkey as string, 'OperationSucceeded');
        seen.push(data.event);
      },
      { pool: 'chain' },
    );
    await Promise.all(Array.from({ length: 5 }, () => signalbox.create(Volume, { sizeGib: 1 })));
    await signalbox.close();
    expect(seen).toHaveLength(15);
    expect(await bus.deadLetters?.read('chain', {})).toMatchObject([]);
  });

  test('a loop over a watch does its round, with calls that work, and ends', async () => {
    await using bus = memoryBus();
    const signalbox = await cloud.open({ bus });
    const inRound = gate();
    const mayGoOn = gate();
    const watch = await signalbox.watch(Volume, { from: 'now' });
    const rounds: unknown[] = [];
    const loop = (async () => {
      for await (const change of watch) {
        if (!('resource' in change)) continue;
        inRound.open();
        await mayGoOn.opened;
        rounds.push(await signalbox.explain(Volume, change.resource.uuid, 'CreateRequested'));
      }
    })();
    await signalbox.create(Volume, { sizeGib: 1 });
    await signalbox.create(Volume, { sizeGib: 2 });
    await inRound.opened;
    const closing = signalbox.close();
    mayGoOn.open();
    await Promise.all([closing, loop]);
    expect(rounds).toHaveLength(2);
  });

  test('a handler and a call that never return are waited for as long as closeTimeout says', async () => {
    await using bus = memoryBus();
    const signalbox = await cloud.open({ bus, closeTimeout: 50 });
    const warned = new Promise<NodeJS.ErrnoException>((resolve) =>
      process.once('warning', resolve),
    );
    const stuck = gate();
    const begun = gate();
    await signalbox.subscribe({ category: 'ResourceStateEvent', resource: Volume }, () => {
      begun.open();
      return stuck.opened;
    });
    const { uuid } = await signalbox.create(Volume, { sizeGib: 1 });
    await begun.opened;
    const action = signalbox.action('VM.START', {}, () => stuck.opened);
    await signalbox.close();
    expect(await warned).toMatchObject({ code: 'SIGNALBOX_CLOSE_TIMEOUT' });
    await expect(signalbox.transition(Volume, uuid, 'CreateRequested')).rejects.toMatchObject({
      name: 'ClosedError',
    });
    stuck.open();
    await action;
  });

  test('a bus that was closed before is not waited for, and another one is', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const [closed, open] = [memoryBus({ name: 'closed' }), memoryBus({ name: 'open' })];
    const signalbox = await cloud.open({ bus: [closed, open], relay: { stopTimeout: 0 } });
    const seen: unknown[] = [];
    await signalbox.subscribe('#', () => undefined, { bus: 'closed' });
    const collect = ({ partitionkey }: { readonly partitionkey?: string }): void => {
      seen.push(partitionkey);
    };
    await signalbox.subscribe('#', collect, { bus: 'open' });
    await closed.close();
    const { uuid } = await signalbox.create(Volume, { sizeGib: 1 });
    await signalbox.close();
    expect(seen).toContain(uuid);
    process.off('warning', warned);
    expect(warnings).toEqual([]);
    await open.close();
  });

  describe('every public method', () => {
    /** What each does to a Signalbox that is closing, and closed; `works` where it needs nothing. */
    const methods: Readonly<
      Record<
        string,
        readonly [closing: string, call: (signalbox: Signalbox, uuid: string) => unknown]
      >
    > = {
      transition: ['works', (s, uuid) => s.transition(Volume, uuid, 'CreateRequested')],
      send: ['works', (s, uuid) => s.send(Object.assign(new Volume(), { uuid, state: 'Allocated', revision: 1, sizeGib: 1 }), 'CreateRequested')], // prettier-ignore
      create: ['works', (s) => s.create(Volume, { sizeGib: 1 })],
      remove: ['works', async (s) => s.remove(await cloud.dataSource.manager.save(cloud.dataSource.manager.create(Volume, { sizeGib: 1 })))], // prettier-ignore
      explain: ['works', (s, uuid) => s.explain(Volume, uuid, 'CreateRequested')],
      action: ['works', (s) => s.action('VM.START', {}, () => 1)],
      recordUsage: ['works', (s) => s.recordUsage('VOLUME.CREATE')],
      raiseAlert: ['works', (s) => s.raiseAlert('ALERT.CPU', 'hot')],
      history: ['works', (s, uuid) => s.history(Volume, uuid)],
      outboxDepth: ['works', (s) => s.outboxDepth()],
      replay: ['works', (s) => s.replay({ category: 'UsageEvent' }, { pool: 'billing' })],
      subscribe: ['refused', (s) => s.subscribe('#', () => undefined)],
      watch: ['refused', (s) => s.watch(Volume)],
      'jobs.submit': ['works', (s) => s.jobs.submit('late')],
      'jobs.update': ['works', async (s) => s.jobs.update(await job(s), 1)],
      'jobs.complete': ['works', async (s) => s.jobs.complete(await job(s))],
      'jobs.fail': ['works', async (s) => s.jobs.fail(await job(s), new Error('x'))],
    };
    /** Needs nothing of the Signalbox, or ends it. */
    const exempt = ['constructor', 'withContext', 'close'];
    let submitted = '';
    const job = async (s: Signalbox): Promise<string> => {
      submitted = await s.jobs.submit('job').catch(() => submitted);
      return submitted;
    };

    test('is in the table of this test', () => {
      const names = [
        ...Object.getOwnPropertyNames(Signalbox.prototype),
        ...Object.getOwnPropertyNames(Jobs.prototype)
          .filter((name) => name !== 'constructor')
          .map((name) => `jobs.${name}`),
      ];
      expect([...Object.keys(methods), ...exempt].toSorted()).toEqual(names.toSorted());
    });

    test('works while handlers drain, or is refused as the table says, and is refused afterwards', async () => {
      await using bus = memoryBus();
      const signalbox = await cloud.open({ bus });
      await (await signalbox.subscribe('*.UsageEvent.#', () => undefined, { pool: 'billing' })).unsubscribe(); // prettier-ignore
      const inHandler = gate();
      const done = gate();
      await signalbox.subscribe('*.AlertEvent.#', async () => {
        inHandler.open();
        await done.opened;
      });
      await signalbox.raiseAlert('ALERT.CPU', 'hot');
      await inHandler.opened;
      const made = Object.keys(methods).map(() => signalbox.create(Volume, { sizeGib: 1 }));
      const uuids = (await Promise.all(made)).map(({ uuid }) => uuid);
      uuids.push(...uuids);
      const closing = signalbox.close();
      const outcome = async (name: string, call: (s: Signalbox, uuid: string) => unknown) => {
        return (async () => call(signalbox, uuids.pop() as string))().then(
          () => `${name}: works`,
          (error: { name: string; code: string }) =>
            error.name === 'ClosedError'
              ? `${name}: refused`
              : `${name}: ${error.name} ${error.code}`,
        );
      };
      const draining = [];
      for (const [name, [, call]] of Object.entries(methods))
        draining.push(await outcome(name, call));
      expect(draining).toEqual(Object.entries(methods).map(([name, [how]]) => `${name}: ${how}`));
      done.open();
      await closing;
      const closed = [];
      for (const [name, [, call]] of Object.entries(methods)) {
        if (name === 'remove') {
          closed.push(await outcome(name, (s) => s.remove(new Volume())));
        } else closed.push(await outcome(name, call));
      }
      expect(closed).toEqual(Object.keys(methods).map((name) => `${name}: refused`));
    });
  });
});

test('events that a pool of RabbitMQ is handling when it closes are handled or left to others, and none is dead-lettered', async () => {
  await using cloud = await openCloud('sqlite');
  await using bus = rabbitmq({ url: serviceUrl('rabbitmq'), exchange: uniqueName('closing') });
  const signalbox = await cloud.open({ bus });
  const made = await Promise.all(
    Array.from({ length: 20 }, () => signalbox.create(Volume, { sizeGib: 1 })),
  );
  const begun = gate();
  const handled = new Set<string>();
  const handle = (s: Signalbox) => async (event: { readonly partitionkey?: string }) => {
    const uuid = event.partitionkey as string;
    begun.open();
    await delay(20);
    // A second delivery after the first one's success is refused by the lifecycle, not by the closing.
    const { lawful } = await s.explain(Volume, uuid, 'OperationSucceeded');
    if (lawful) await s.transition(Volume, uuid, 'OperationSucceeded');
    handled.add(uuid);
  };
  const selection = '*.ResourceStateEvent.CreateRequested.Volume.*';
  await signalbox.subscribe(selection, handle(signalbox), { pool: 'maker', concurrency: 2 });
  for (const { uuid } of made) await signalbox.transition(Volume, uuid, 'CreateRequested');
  await begun.opened;
  await signalbox.close();
  expect(handled.size).toBeGreaterThan(0);

  const next = await cloud.open({ bus });
  const member = await next.subscribe(selection, handle(next), { pool: 'maker', concurrency: 20 });
  await eventually(() => expect(handled.size).toBe(20));
  expect(await bus.deadLetters?.read('maker', {})).toHaveLength(0);
  await member.unsubscribe({ removePool: true });
  await next.close();
});
