// #region scenario
import 'reflect-metadata';
import { createSignalbox, migrate, migrations, type SignalboxEvent } from 'signalbox';
import { rabbitmq } from 'signalbox/amqp';
import { deliveryLog } from 'signalbox/testing';
import { DataSource } from 'typeorm';
import { eventTypes, LoadBalancer } from '../load-balancer.js';

/** Where a run takes place: plain JSON, because it goes to another process. */
export interface Place {
  readonly database: string;
  readonly broker: { readonly url: string; readonly exchange: string };
  readonly handled: string;
}

/** Your application, as it starts. */
export async function start({ database, broker, handled }: Place) {
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database,
    enableWAL: true,
    entities: [LoadBalancer],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  const bus = rabbitmq(broker);
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes,
    resources: [LoadBalancer],
    bus,
    relay: { leaseDuration: 500 }, // the relay of a dead process is waited for so long
  });
  // Written down before it is acknowledged, so that it outlives the process.
  const log = deliveryLog(handled);
  await signalbox.subscribe('#', log.record, { pool: 'shop' });

  /** Resolves when every committed event has been handled. */
  const quiet = async () => {
    for (;;) {
      const journal = await dataSource.query<{ payload: string }[]>(
        'SELECT payload FROM signalbox_journal ORDER BY position',
      );
      const committed = journal.map(({ payload }) => JSON.parse(payload) as SignalboxEvent);
      const handled = new Set((await log.read()).map(({ id }) => id));
      const { pending } = await signalbox.outboxDepth();
      if (pending === 0 && committed.every(({ id }) => handled.has(id))) return committed;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const stop = async () => {
    await signalbox.close();
    await bus.close();
    await dataSource.destroy();
  };
  return { dataSource, signalbox, log, quiet, stop };
}

/** What the crash kit runs, and kills. */
export async function scenario(place: Place): Promise<void> {
  const { signalbox, quiet } = await start(place);
  const { uuid } = await signalbox.create(LoadBalancer, { members: 2 });
  await signalbox.transition(LoadBalancer, uuid, 'DeployRequested');
  await signalbox.transition(LoadBalancer, uuid, 'OperationSucceeded');
  await quiet();
}
// #endregion
