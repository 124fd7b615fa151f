import { afterEach, beforeEach, expect, test } from 'vitest';
import { rabbitmq } from '../../src/delivery/amqp/index.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import { removeTopology } from '../delivery/amqp/rabbitmq-place.js';
import {
  type Cloud,
  firstDeliveries,
  idsByResource,
  openCloud,
  outboxEmpty,
} from '../e2e/support/cloud.js';
import { Probe } from '../e2e/support/probe.js';
import { eachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { serviceUrl } from '../support/service-url.js';
import { uniqueName } from '../support/unique-name.js';
import { startDriver } from './support/start-driver.js';

eachDatabase((kind) => {
  let cloud: Cloud;
  beforeEach(async () => {
    cloud = await openCloud(kind);
  });
  afterEach(() => cloud[Symbol.asyncDispose]());

  test.each(['never', 'silently'] as const)(
    'a process killed between commit and publish loses nothing (it publishes %s)',
    async (publishes) => {
      await using driver = startDriver({ task: 'commit', database: cloud.url, publishes });
      await driver.line('committed');
      // Under way to the bus, and never confirmed.
      if (publishes === 'silently') await driver.line('publishing');
      driver.kill('SIGKILL');
      expect((await driver.exited).signal).toBe('SIGKILL');
      const journal = (await cloud.journal()).map(({ event }) => event);
      expect(journal.map(({ type }) => type)).toEqual([
        'Created',
        'StartRequested',
        'OperationSucceeded',
        'VM.START',
        'StopRequested',
        'OperationSucceeded',
        'VM.STOP',
      ]);

      const bus = memoryBus();
      const received: SignalboxEvent[] = [];
      // It asks for the lease of the dead three times in its own, which it must not lose: nothing may
      // come twice.
      const signalbox = await cloud.open({ bus, relay: { pollInterval: 50, leaseDuration: 3000 } });
      await signalbox.subscribe('#', (event) => void received.push(event));
      await eventually(() => expect(received).toEqual(journal));
      await outboxEmpty(signalbox);
      await signalbox.close();
      await bus.close();
    },
  );

  test('a process killed in the middle of its load loses nothing and has announced nothing else', async () => {
    const [url, exchange] = [serviceUrl('rabbitmq'), uniqueName('killed')];
    const received: SignalboxEvent[] = [];
    const bus = rabbitmq({ url, exchange });
    const signalbox = await cloud.open({ bus, relay: false });
    await signalbox.subscribe('#', (event) => void received.push(event), { pool: 'all' });
    {
      await using driver = startDriver({
        task: 'load',
        database: cloud.url,
        resources: 20,
        bus: { url, exchange },
      });
      await driver.line('moved 3');
      await eventually(() => expect(received.length).toBeGreaterThan(100));
      driver.kill('SIGKILL');
      await driver.exited;
    }
    await signalbox.close();
    const relaying = await cloud.open({ bus, relay: { leaseDuration: 500 } });
    await relaying.subscribe('#', (event) => void received.push(event), { pool: 'all' });
    await outboxEmpty(relaying);
    const journal = (await cloud.journal()).map(({ event }) => event);
    await eventually(() => {
      expect(new Set(received.map(({ id }) => id)).size).toBe(journal.length);
    });
    // The same events, in the order of their resource: nothing lost, nothing that was rolled back.
    expect(idsByResource(firstDeliveries(received))).toEqual(idsByResource(journal));
    await relaying.close();
    await bus.close();
    await removeTopology(url, exchange, ['all']);
  });

  test('a deadline outlives the process that armed it', async () => {
    await using driver = startDriver({ task: 'begin', database: cloud.url });
    const uuid = (await driver.line('begun')).split(' ')[1] ?? '';
    driver.kill('SIGKILL');
    await driver.exited;
    const read = () => cloud.dataSource.manager.findOneByOrFail(Probe, { uuid });
    expect((await read()).state).toBe('Working');
    await cloud.open();
    await eventually(async () => expect((await read()).state).toBe('Failed'));
    const types = (await cloud.journal()).map(({ event }) => event.type);
    expect(types.slice(2)).toEqual(['DeadlineExceeded', 'ALERT.USERVM']);
  });
});
