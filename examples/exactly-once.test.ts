import { expect, it } from 'vitest';
import { createSignalbox, memoryBus, migrate, migrations } from 'signalbox';
import { DataSource } from 'typeorm';
import { eventually } from '../test/support/eventually.js';
import { cloudStackEventTypes } from 'signalbox/machines';
import { LoadBalancer } from './load-balancer.js';
// #region once
import { idempotent } from 'signalbox';
import { purgeInboxRegularly } from 'signalbox/consuming';
// #endregion

it('bills each event once, however often it comes', async () => {
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [LoadBalancer],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  await dataSource.query('CREATE TABLE invoice_item (account text, type text)');
  const bus = memoryBus();
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes: cloudStackEventTypes,
    resources: [LoadBalancer],
    bus,
  });

  // #region once

  await signalbox.subscribe(
    { category: 'UsageEvent' },
    idempotent(dataSource, async (manager, event) => {
      // committed together with a note of the event's id: a redelivery finds it, and does nothing
      await manager.query('INSERT INTO invoice_item (account, type) VALUES (?, ?)', [
        event.account ?? 'nobody',
        event.type,
      ]);
    }),
    { pool: 'billing', concurrency: 16 },
  );

  const day = 24 * 60 * 60 * 1000;
  const purging = purgeInboxRegularly(dataSource, { retention: 90 * day });
  // #endregion

  const id = await signalbox.recordUsage('VM.START', { account: 'acme' });
  const [told]: { payload: string }[] = await dataSource.query(
    'SELECT payload FROM signalbox_journal',
  );
  const count = async () => {
    const rows: { n: number }[] = await dataSource.query('SELECT count(*) AS n FROM invoice_item');
    return rows[0]?.n;
  };
  await eventually(async () => expect(await count()).toBe(1));
  await bus.publishToPool('billing', {
    key: 'compute.UsageEvent.VM-START.-.-',
    id,
    contentType: 'application/cloudevents+json',
    headers: {},
    body: Buffer.from(told?.payload ?? ''),
  });
  await signalbox.recordUsage('VM.STOP', { account: 'acme' });
  await eventually(async () => expect(await count()).toBe(2));

  await purging.stop();
  await signalbox.close();
  await bus.close();
  await dataSource.destroy();
});
