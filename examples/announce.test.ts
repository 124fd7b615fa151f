import { expect, it } from 'vitest';
import { eventually } from '../test/support/eventually.js';
import { createSignalbox, memoryBus, migrate, migrations, withContext } from 'signalbox';
import type { SignalboxEvent } from 'signalbox';
import { DataSource } from 'typeorm';
// #region decorator
import { ActionEvent } from 'signalbox';
import type { Signalbox } from 'signalbox';

class Hypervisor {
  constructor(readonly signalbox: Signalbox<typeof eventTypes>) {}

  @ActionEvent('VM.START', (uuid: string) => ({ subject: { resource: 'VirtualMachine', uuid } }))
  async start(uuid: string): Promise<string> {
    return `${uuid} runs`;
  }
}
// #endregion
// #region types
import { defineEventTypes } from 'signalbox';
import { cloudStackEventTypes } from 'signalbox/machines';

export const eventTypes = defineEventTypes(
  { action: ['LB.DRAIN'], alert: ['ALERT.LB.DEGRADED'] },
  { include: cloudStackEventTypes },
);
// #endregion

it('announces actions, usage, alerts and jobs, linked to what caused them', async () => {
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    migrations: [...migrations],
  }).initialize();
  await migrate(dataSource);
  const bus = memoryBus();
  // #region known
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    resources: [],
    bus,
    eventTypes,
  });
  // #endregion
  const events: SignalboxEvent[] = [];
  await signalbox.subscribe('#', (event) => void events.push(event));
  const uuid = '9d827485-0f46-4db8-bd39-fede97cbac0c';
  const drain = async (): Promise<number> => 3;
  // #region announce
  const subject = { resource: 'LoadBalancer', uuid };
  await withContext({ actor: 'alice', correlationId: 'request-17' }, async () => {
    await signalbox.action('LB.DRAIN', { subject }, async (action) => {
      action.addDetails({ connections: await drain() }); // into Completed or Failed
      await signalbox.recordUsage('LB.CREATE', { subject, account: 'acme', details: { size: 2 } });
    });
    await signalbox.raiseAlert('ALERT.LB.DEGRADED', 'one member is left', { subject });

    const job = await signalbox.jobs.submit('LB.CREATE', { subject });
    await signalbox.jobs.update(job, 50);
    await signalbox.jobs.complete(job, { members: 2 });
  });
  // #endregion
  await new Hypervisor(signalbox).start(uuid);
  // #region within
  await dataSource.transaction(async (manager) => {
    await signalbox.recordUsage('LB.DELETE', { subject, manager }); // committed with the rest, or never
  });
  // #endregion
  await eventually(() =>
    expect(events.map(({ category, type }) => `${category} ${type}`)).toEqual([
      'ActionEvent LB.DRAIN',
      'UsageEvent LB.CREATE',
      'ActionEvent LB.DRAIN',
      'AlertEvent ALERT.LB.DEGRADED',
      'AsyncJobEvent submit',
      'AsyncJobEvent update',
      'AsyncJobEvent complete',
      'ActionEvent VM.START',
      'ActionEvent VM.START',
      'UsageEvent LB.DELETE',
    ]),
  );
  const [started, usage, completed] = events;
  expect(started).toMatchObject({ actor: 'alice', correlationid: 'request-17' });
  expect(usage).toMatchObject({ causationid: started?.id, account: 'acme' });
  expect(completed?.data).toMatchObject({ startid: started?.id, details: { connections: 3 } });
  await signalbox.close();
  await bus.close();
  await dataSource.destroy();
});
