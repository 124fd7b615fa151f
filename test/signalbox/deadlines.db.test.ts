import { cloudStackEventTypes } from '../../machines/index.js';
import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import { openStore } from '../../src/persistence/open-store.js';
import { type Cloud, openCloud } from '../e2e/support/cloud.js';
import { Probe, probe } from '../e2e/support/probe.js';
import { eachDatabase, neverBlockOnLocks } from '../support/databases.js';
import { eventually } from '../support/eventually.js';

const working = 'Working/300';

eachDatabase((kind) => {
  let cloud: Cloud;
  beforeEach(async () => {
    cloud = await openCloud(kind);
  });
  afterEach(() => cloud[Symbol.asyncDispose]());

  const read = (uuid: string) => cloud.dataSource.manager.findOneByOrFail(Probe, { uuid });
  const told = async (uuid: string): Promise<readonly SignalboxEvent[]> =>
    (await cloud.journal())
      .map(({ event }) => event)
      .filter(({ partitionkey }) => partitionkey === uuid);
  const reach = (uuid: string, state: string) =>
    eventually(async () => expect((await read(uuid)).state).toBe(state));

  test('a resource left in a transitional state raises its alert and takes its timeout transition', async () => {
    const bus = memoryBus();
    const signalbox = await cloud.open({ bus });
    const received: SignalboxEvent[] = [];
    await signalbox.subscribe('#', (event) => void received.push(event));
    const { uuid } = await signalbox.create(Probe);
    const { events } = await signalbox.transition(Probe, uuid, 'Begin');
    expect(await cloud.deadlines()).toEqual([working]);
    await reach(uuid, 'Failed');
    const [change, alert, ...others] = (await told(uuid)).slice(1 + events.length);
    expect(others).toEqual([]);
    expect(change).toMatchObject({
      category: 'ResourceStateEvent',
      type: 'DeadlineExceeded',
      actor: 'signalbox',
      revision: 3,
      data: { old: 'Working', new: 'Failed' },
    });
    expect(alert).toMatchObject({ category: 'AlertEvent', type: 'ALERT.USERVM', revision: 3 });
    expect(await cloud.deadlines()).toEqual([]);
    await eventually(() => expect(received.map(({ id }) => id)).toContain(alert?.id));
    await signalbox.close();
    await bus.close();
  });

  test('a deadline without a timeout transition raises its alert once and moves nothing', async () => {
    const signalbox = await cloud.open();
    const { uuid } = await signalbox.create(Probe);
    await signalbox.transition(Probe, uuid, 'Rest');
    await eventually(async () => expect((await told(uuid)).length).toBe(3));
    expect((await told(uuid))[2]).toMatchObject({
      category: 'AlertEvent',
      type: 'ALERT.RESOURCE.STUCK',
    });
    const { state, revision } = await read(uuid);
    expect([state, revision]).toEqual(['Resting', 2]);
    expect(await cloud.deadlines()).toEqual([]);
  });

  test('a transition that leaves the state cancels the deadline, whichever way it is made', async () => {
    const signalbox = await cloud.open({ deadlines: false });
    const { uuid } = await signalbox.create(Probe);
    await signalbox.transition(Probe, uuid, 'Begin');
    expect(await cloud.deadlines()).toEqual([working]);
    await signalbox.transition(Probe, uuid, 'Finished');
    expect(await cloud.deadlines()).toEqual([]);
    await cloud.dataSource.transaction(async (manager) => {
      const entity = await manager.findOneByOrFail(Probe, { uuid });
      signalbox.send(entity, 'Begin');
      await manager.save(entity);
    });
    expect(await cloud.deadlines()).toEqual([working]);
    await cloud.dataSource.transaction((manager) =>
      signalbox.transition(Probe, uuid, 'Broke', { manager }),
    );
    expect(await cloud.deadlines()).toEqual([]);
    await signalbox.transition(Probe, uuid, 'Begin');
    await signalbox.remove(await read(uuid));
    expect(await cloud.deadlines()).toEqual([]);
  });

  test('a deadline that comes late is refused, and nothing is written', async () => {
    const signalbox = await cloud.open({ deadlines: false });
    const { uuid } = await signalbox.create(Probe);
    const { revision } = await signalbox.transition(Probe, uuid, 'Begin');
    await signalbox.transition(Probe, uuid, 'Finished');
    const before = await told(uuid);
    const store = openStore(cloud.dataSource);
    const due = { resource: 'Probe', uuid, deadline: working, revision };
    expect(
      await cloud.dataSource.transaction((manager) => store.deadlines.removeWithin(manager, due)),
    ).toBe(false);
    await expect(
      signalbox.transition(Probe, uuid, 'DeadlineExceeded' as never),
    ).rejects.toMatchObject({ code: expect.stringMatching(/UNKNOWN_EVENT|EVENT_NOT_LAWFUL/) });
    expect(await told(uuid)).toEqual(before);
    expect(probe.table.deadlines.has(working)).toBe(true);
  });

  test('a deadline fires once, however many nodes sweep', async () => {
    // The guard of a DataSource is one; another node has a DataSource of its own.
    const first = await cloud.open({ deadlines: { pollInterval: 20 } });
    await using second = await anotherNode(cloud);
    await Promise.all([cloud, second].map(({ dataSource }) => neverBlockOnLocks(dataSource)));
    const probes = await Promise.all(Array.from({ length: 20 }, () => first.create(Probe)));
    await Promise.all(probes.map(({ uuid }) => first.transition(Probe, uuid, 'Begin')));
    await Promise.all(probes.map(({ uuid }) => reach(uuid, 'Failed')));
    for (const { uuid } of probes) {
      const fired = (await told(uuid)).filter(({ type }) => type === 'DeadlineExceeded');
      expect(fired).toHaveLength(1);
    }
  });
});

async function anotherNode(cloud: Cloud): Promise<AsyncDisposable & { dataSource: DataSource }> {
  const { connectDatabase } = await import('../../src/config/connect-database.js');
  const { createSignalbox } = await import('../../src/signalbox/create-signalbox.js');
  const dataSource = await connectDatabase(cloud.url, { entities: [Probe], poolSize: 4 });
  const signalbox = await createSignalbox({
    dataSource,
    source: 'management-server',
    eventTypes: cloudStackEventTypes,
    resources: [Probe],
    deadlines: { pollInterval: 20 },
  });
  return {
    dataSource,
    async [Symbol.asyncDispose]() {
      await signalbox.close();
      await dataSource.destroy();
    },
  };
}
