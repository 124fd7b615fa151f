import { afterAll, beforeAll, expect, test } from 'vitest';
import { VirtualMachine, Volume } from '../../src/cli/demo/entities.js';
import { connectDatabase } from '../../src/config/connect-database.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { journalEntry } from '../../src/core/planning/announcement.js';
import { openStore } from '../../src/persistence/open-store.js';
import { type Cloud, openCloud, outboxEmpty } from '../e2e/support/cloud.js';
import { eachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';

class Regret extends Error {}

eachDatabase((kind) => {
  let cloud: Cloud;
  let signalbox: Signalbox;
  const bus = memoryBus();
  const received: SignalboxEvent[] = [];

  beforeAll(async () => {
    cloud = await openCloud(kind);
    // Nothing but a wake-up makes this relay look.
    const relay = { pollInterval: 3_600_000, sampleInterval: 3_600_000 };
    signalbox = await cloud.open({ bus, relay });
    await signalbox.subscribe('#', (event) => void received.push(event));
  });
  afterAll(async () => {
    await cloud[Symbol.asyncDispose]();
    await bus.close();
  });

  test('a rollback announces nothing, arms nothing and wakes nobody', async () => {
    const vm = await signalbox.create(VirtualMachine, { name: 'kept' });
    const volume = await signalbox.create(Volume, { sizeGib: 1 });
    await signalbox.transition(Volume, volume.uuid, 'CreateRequested');
    await signalbox.transition(Volume, volume.uuid, 'OperationSucceeded');
    await outboxEmpty(signalbox);
    await eventually(() => expect(received).toHaveLength(4));
    const [journal, deadlines] = [await cloud.journal(), await cloud.deadlines()];

    // An event that was committed without a wake-up waits for the next one: it tells of any.
    const sentinel = journalEntry({
      id: '01990000-0000-7000-8000-000000000001',
      origin: { source: 'management-server', time: new Date().toISOString() },
      category: 'UsageEvent',
      type: 'VM.START',
      data: {},
    });
    // Of another process, as it were: nobody here is told.
    const elsewhere = await connectDatabase(cloud.url);
    await openStore(elsewhere).append([sentinel]);
    await elsewhere.destroy();
    await expect(
      cloud.dataSource.transaction(async (manager) => {
        await signalbox.create(VirtualMachine, { name: 'never' }, { manager });
        await signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested', { manager });
        const loaded = await manager.findOneByOrFail(Volume, { uuid: volume.uuid });
        signalbox.send(loaded, 'AttachRequested');
        await manager.save(loaded);
        const subject = { resource: 'Volume', uuid: volume.uuid };
        await signalbox.action('VOLUME.ATTACH', { subject, manager }, () => undefined);
        await signalbox.recordUsage('VM.START', { manager });
        await signalbox.raiseAlert('ALERT.USERVM', 'never told', { manager });
        await signalbox.jobs.submit('never', { manager });
        throw new Regret();
      }),
    ).rejects.toBeInstanceOf(Regret);

    expect(await cloud.journal()).toHaveLength(journal.length + 1);
    expect(await cloud.deadlines()).toEqual(deadlines);
    expect((await signalbox.outboxDepth()).pending).toBe(1);
    expect(await cloud.dataSource.query('SELECT id FROM signalbox_job')).toEqual([]);
    const row = await cloud.dataSource.manager.findOneByOrFail(VirtualMachine, { uuid: vm.uuid });
    expect([row.state, row.revision]).toEqual(['Stopped', 1]);
    // Time for a relay that was woken by mistake: the database answers many times.
    for (let times = 0; times < 50; times += 1) await signalbox.outboxDepth();
    expect(received).toHaveLength(4);

    await signalbox.transition(VirtualMachine, vm.uuid, 'StartRequested');
    await eventually(() => expect(received).toHaveLength(6));
    expect(received.slice(4).map(({ id }) => id)).toContain(sentinel.id);
  });

  test('an entity that was sent in a rolled back transaction is as before', async () => {
    const volume = await signalbox.create(Volume, { sizeGib: 2 });
    await expect(
      cloud.dataSource.transaction(async (manager) => {
        signalbox.send(volume, 'CreateRequested');
        await manager.save(volume);
        throw new Regret();
      }),
    ).rejects.toBeInstanceOf(Regret);
    expect([volume.state, volume.revision]).toEqual(['Allocated', 1]);
    await cloud.dataSource.transaction(async (manager) => {
      signalbox.send(volume, 'CreateRequested');
      await manager.save(volume);
    });
    expect([volume.state, volume.revision]).toEqual(['Creating', 2]);
  });
});
