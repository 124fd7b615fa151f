import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rabbitmq } from '../../src/delivery/amqp/index.js';
import type { Bus } from '../../src/delivery/bus/bus.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { deliveryFaults } from '../../src/testing/index.js';
import { removeTopology } from '../delivery/amqp/rabbitmq-place.js';
import { type Cloud, openCloud, outboxEmpty } from '../e2e/support/cloud.js';
import { eventually } from '../support/eventually.js';
import { serviceUrl } from '../support/service-url.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { uniqueName } from '../support/unique-name.js';
import { long } from './support/fault-length.js';
import { machineRows } from './support/machine-rows.js';
import { startDriver } from './support/start-driver.js';

describe('a process in trouble', () => {
  let cloud: Cloud;
  let exchange: string;
  let bus: Bus;
  let line: TcpProxy;
  let delivered: SignalboxEvent[];
  const url = () => serviceUrl('rabbitmq');

  beforeEach(async () => {
    cloud = await openCloud('postgres');
    exchange = uniqueName('trouble');
    bus = rabbitmq({ url: url(), exchange });
    delivered = [];
    const { hostname, port } = new URL(url());
    line = await startTcpProxy({ host: hostname, port: Number(port) || 5672 });
  });
  afterEach(async () => {
    await cloud[Symbol.asyncDispose]();
    await bus.close();
    await line.close();
    await removeTopology(url(), exchange, ['all']);
  });

  /** A Signalbox in this process, with a relay that takes over whatever the other one leaves. */
  async function openHere(): Promise<Signalbox> {
    const signalbox = await cloud.open({ bus, relay: { leaseDuration: 500 } });
    await signalbox.subscribe('#', (event) => void delivered.push(event), { pool: 'all' });
    return signalbox;
  }

  function lineUrl(): string {
    const through = new URL(url());
    through.port = String(line.port);
    return through.href;
  }

  async function expectNothingLost(signalbox: Signalbox): Promise<void> {
    await outboxEmpty(signalbox, 60_000);
    const committed = (await cloud.journal()).map(({ event }) => event);
    await eventually(
      () => {
        const came = new Set(delivered.map(({ id }) => id));
        expect(committed.filter(({ id }) => !came.has(id)).length).toBe(0);
      },
      { deadline: 60_000, every: 200 },
    );
    const rows = await machineRows(cloud);
    expect(deliveryFaults({ committed, delivered, rows })).toEqual([]);
  }

  test.runIf(long)(
    'whose event loop stalls for ten seconds puts nothing in disorder when it goes on',
    async () => {
      const signalbox = await openHere();
      await using driver = startDriver({
        task: 'load',
        database: cloud.url,
        resources: 16,
        bus: { url: url(), exchange },
      });
      await driver.line('moved 3');
      driver.kill('SIGUSR2');
      await driver.line('stalls');
      // Its shares are taken over meanwhile: what it had committed arrives.
      await outboxEmpty(signalbox);
      await driver.line('goes on');
      driver.kill('SIGTERM');
      await driver.line('ended', { deadline: 60_000 });
      await expectNothingLost(signalbox);
    },
  );

  test('that is asked to end under load publishes what it committed, and ends', async () => {
    await using driver = startDriver({
      task: 'load',
      database: cloud.url,
      resources: 16,
      bus: { url: url(), exchange },
    });
    await driver.line('moved 3');
    driver.kill('SIGTERM');
    expect(await driver.exited).toMatchObject({ code: 0 });
    const pending: unknown[] = await cloud.dataSource.query('SELECT 1 FROM signalbox_outbox');
    expect(pending).toEqual([]);
  });

  test('that is asked to end while the broker is mute ends all the same, and loses nothing', async () => {
    // The pool must be there before what it may not miss.
    await (await openHere()).close();
    await using driver = startDriver({
      task: 'load',
      database: cloud.url,
      resources: 16,
      bus: { url: lineUrl(), exchange },
    });
    await driver.line('moved 3');
    line.swallow();
    driver.kill('SIGTERM');
    expect(await driver.exited).toMatchObject({ code: 0 });
    const signalbox = await openHere();
    await expectNothingLost(signalbox);
  });

  test.runIf(long)('with a small heap relays a backlog that is larger than the heap', async () => {
    const signalbox = await cloud.open({ relay: false });
    const id = await signalbox.raiseAlert('ALERT.USERVM', 'one of many');
    // 40,000 events of 2 kB are 80 MB; Node itself needs about 30 of the 64.
    await cloud.dataSource.query(
      `WITH many AS (
        INSERT INTO signalbox_journal (position, id, source, category, type, resource, uuid, revision, time, payload)
        SELECT nextval('signalbox_journal_position_seq'), gen_random_uuid(), source, category, type,
          'VirtualMachine', gen_random_uuid(), 1, time, rpad(payload, 2000)
        FROM signalbox_journal, generate_series(1, 40000) WHERE id = $1
        RETURNING position, uuid
      ) INSERT INTO signalbox_outbox (position, share) SELECT position, position % 64 FROM many`,
      [id],
    );
    await using driver = startDriver(
      { task: 'drain', database: cloud.url, bus: { url: url(), exchange } },
      { env: { NODE_OPTIONS: '--max-old-space-size=64' } },
    );
    await driver.line('drained', { deadline: 90_000 });
    expect(await driver.exited).toMatchObject({ code: 0 });
  });
});
