// #region open
import 'reflect-metadata';
import { createSignalbox, migrate, migrations } from 'signalbox';
import { rabbitmq } from 'signalbox/amqp';
import { DataSource } from 'typeorm';
import { eventTypes, Volume } from './volume.js';

const { DATABASE_URL, RABBITMQ_URL, EXCHANGE = 'signalbox' } = process.env;

/** The database, the bus and the Signalbox of one process. */
export async function open() {
  if (DATABASE_URL === undefined || RABBITMQ_URL === undefined) {
    throw new Error('Set DATABASE_URL and RABBITMQ_URL.');
  }
  const dataSource = await new DataSource({
    type: 'postgres',
    url: DATABASE_URL,
    entities: [Volume],
    migrations: [...migrations],
    synchronize: true, // in production, write migrations for your own tables
  }).initialize();
  await migrate(dataSource);
  const bus = rabbitmq({ url: RABBITMQ_URL, exchange: EXCHANGE });
  const signalbox = await createSignalbox({
    dataSource,
    source: 'storage',
    eventTypes,
    resources: [Volume],
    bus,
  });
  const close = async () => {
    await signalbox.close(); // handlers finish, what is committed is published
    await bus.close();
    await dataSource.destroy();
  };
  return { dataSource, signalbox, close };
}
// #endregion
