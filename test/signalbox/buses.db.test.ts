import { afterEach, beforeEach, expect, test } from 'vitest';
import { rabbitmq } from '../../src/delivery/amqp/index.js';
import type { Delivery } from '../../src/delivery/bus/bus.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { VirtualMachine } from '../../src/cli/demo/entities.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import { cloudEventsBinary } from '../../src/delivery/formats/cloudevents-binary.js';
import type { RelayNotice } from '../../src/delivery/relay/relay-notice.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { type Cloud, openCloud, outboxEmpty } from '../e2e/support/cloud.js';
import { eachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';

eachDatabase((kind) => {
  let cloud: Cloud;
  beforeEach(async () => {
    cloud = await openCloud(kind);
  });
  afterEach(() => cloud[Symbol.asyncDispose]());

  async function live(signalbox: Signalbox): Promise<void> {
    const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
    await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
    await signalbox.transition(VirtualMachine, uuid, 'OperationSucceeded');
  }

  test('without a bus everything works, and the outbox drains to the journal', async () => {
    const signalbox = await cloud.open();
    await live(signalbox);
    await outboxEmpty(signalbox);
    expect((await cloud.journal()).map(({ event }) => event.type)).toEqual([
      'Created',
      'StartRequested',
      'OperationSucceeded',
      'VM.START',
    ]);
    await expect(signalbox.subscribe('#', () => undefined)).rejects.toMatchObject({
      code: 'CONFIG_VALUE_INVALID',
    });
  });

  test('of several buses each gets every event in order, also when another one is away', async () => {
    const [left, right] = [memoryBus({ name: 'left' }), memoryBus({ name: 'right' })];
    // Nothing listens on this port.
    const away = rabbitmq({ name: 'away', url: 'amqp://127.0.0.1:1', publishTimeout: 500 });
    const notices: RelayNotice[] = [];
    const signalbox = await cloud.open({
      bus: [left, away, right],
      relay: { stopTimeout: 0 },
      onRelayNotice: (notice) => void notices.push(notice),
    });
    await expect(signalbox.subscribe('#', () => undefined)).rejects.toThrow(/left, away, right/);
    const received: Record<string, SignalboxEvent[]> = { left: [], right: [] };
    for (const [name, events] of Object.entries(received)) {
      await signalbox.subscribe('#', (event) => void events.push(event), { bus: name });
    }
    await live(signalbox);
    const journal = (await cloud.journal()).map(({ event }) => event);
    await eventually(() => expect(received['left']).toEqual(journal));
    await eventually(() => expect(received['right']).toEqual(journal));
    await eventually(async () => {
      // What waits for the one that is away is all that waits.
      expect(await signalbox.outboxDepth()).toMatchObject({ pending: journal.length, parked: 0 });
      expect(notices).toContainEqual(
        expect.objectContaining({ kind: 'busUnavailable', bus: 'away' }),
      );
    });
    await signalbox.close();
    await Promise.all([left, right, away].map((bus) => bus.close()));
  });

  test('what waits for a bus that is away, or for one of former days, holds no closing up', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const local = memoryBus({ name: 'local' });
    const away = rabbitmq({ name: 'away', url: 'amqp://127.0.0.1:1', publishTimeout: 500 });
    const received: SignalboxEvent[] = [];
    // The second time nobody knows of the bus that rows still wait for.
    for (const bus of [[local, away], [local]]) {
      const signalbox = await cloud.open({ bus, relay: { stopTimeout: 0 } });
      await signalbox.subscribe('#', (event) => void received.push(event), { bus: 'local' });
      await using watch = await signalbox.watch(VirtualMachine, { bus: 'local', from: 'now' });
      expect((await watch.next()).value).toMatchObject({ type: 'synced' });
      await live(signalbox);
      await signalbox.close();
      const journal = (await cloud.journal()).map(({ event }) => event);
      expect(received).toEqual(journal);
    }
    process.off('warning', warned);
    expect(warnings).toEqual([]);
    await Promise.all([local, away].map((bus) => bus.close()));
  });

  test('each bus has its own format, or that of the Signalbox', async () => {
    const [binary, default_] = [
      memoryBus({ name: 'binary', format: cloudEventsBinary('amqp') }),
      memoryBus({ name: 'default' }),
    ];
    const signalbox = await cloud.open({ bus: [binary, default_] });
    const received: Record<string, SignalboxEvent[]> = { binary: [], default: [] };
    const types = new Set<string>();
    for (const [name, events] of Object.entries(received)) {
      const handler = (event: SignalboxEvent, delivery: Delivery): void => {
        events.push(event);
        types.add(`${name} ${delivery.contentType}`);
      };
      await signalbox.subscribe('#', handler, { bus: name });
    }
    await live(signalbox);
    const journal = (await cloud.journal()).map(({ event }) => event);
    await eventually(() => expect(received).toEqual({ binary: journal, default: journal }));
    expect([...types].toSorted()).toEqual([
      'binary application/json',
      'default application/cloudevents+json; charset=utf-8',
    ]);
    await signalbox.close();
    await Promise.all([binary.close(), default_.close()]);
  });

  test('one without a bus takes nothing from the bus of another on the same database', async () => {
    const bus = memoryBus();
    const published = await cloud.open({ bus });
    const received: SignalboxEvent[] = [];
    // A pool keeps what comes while no member is there.
    await published.subscribe('#', (event) => void received.push(event), { pool: 'cmdb' });
    await live(published);
    // Its relay hears of every commit too, and now the other one is gone for a while.
    await published.close();
    const silent = await cloud.open();
    await live(silent);
    const waiting = (await cloud.journal()).length - received.length;
    expect(waiting).toBeGreaterThan(0);
    expect((await silent.outboxDepth()).pending).toBeGreaterThan(0);
    await silent.close();

    const again = await cloud.open({ bus });
    await again.subscribe('#', (event) => void received.push(event), { pool: 'cmdb' });
    const journal = (await cloud.journal()).map(({ event }) => event.id);
    await eventually(() =>
      expect(received.map(({ id }) => id).toSorted()).toEqual(journal.toSorted()),
    );
    await outboxEmpty(again);
    await again.close();
    await bus.close();
  });

  test('two buses of one name are refused', async () => {
    await expect(cloud.open({ bus: [memoryBus(), memoryBus()] })).rejects.toMatchObject({
      code: 'CONFIG_VALUE_INVALID',
    });
  });

  test('a closed Signalbox says so, whatever it is asked', async () => {
    const signalbox = await cloud.open();
    const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
    await signalbox.close();
    await signalbox.close();
    const before = (await cloud.journal()).length;
    for (const asked of [
      () => signalbox.transition(VirtualMachine, uuid, 'StartRequested'),
      () => signalbox.create(VirtualMachine, { name: 'late' }),
      () => signalbox.action('VM.START', {}, () => undefined),
      () => signalbox.recordUsage('VM.START'),
      () => signalbox.jobs.submit('late'),
      () => signalbox.subscribe('#', () => undefined),
    ]) {
      await expect(asked()).rejects.toMatchObject({ code: 'CLOSED' });
    }
    expect((await cloud.journal()).length).toBe(before);
  });
});
