import { expect, it } from 'vitest';
import { validateConfiguration } from '../src/config/validate-configuration.js';
// #region rabbitmq
import { rabbitmq } from 'signalbox/amqp';

// #endregion
const certificateAuthority = '-----BEGIN CERTIFICATE-----';
// #region rabbitmq
const bus = rabbitmq({
  url: ['amqps://cloud@mq1.example/cloud', 'amqps://cloud@mq2.example/cloud'], // one cluster
  name: 'rabbitmq',
  exchange: 'signalbox',
  queuePrefix: '',
  tls: { ca: certificateAuthority, servername: 'mq.example' }, // PEM, as text or bytes
  heartbeat: 10, // seconds
  connectTimeout: 10_000, // milliseconds
  publishWindow: 1000, // messages
  publishTimeout: 30_000,
  deliveryLimit: 20,
  unroutable: 'report',
  on: (notice) => {
    if (notice.kind === 'deadLettered') console.error(notice);
  },
});
// #endregion
// #region database
import { createSignalbox, migrate, migrations } from 'signalbox';
import { DataSource } from 'typeorm';
import { eventTypes, LoadBalancer } from './load-balancer.js';

const sqlite = (database: string) =>
  new DataSource({
    type: 'better-sqlite3',
    database,
    enableWAL: true,
    // WAL alone would allow a commit that a power failure undoes.
    prepareDatabase: (connection: { pragma(text: string): unknown }) => {
      connection.pragma('synchronous = FULL');
    },
    entities: [LoadBalancer],
    migrations: [...migrations],
  });
// #endregion

it('the configuration file is valid', async () => {
  const { default: configuration } = await import('./signalbox.config.js');
  expect(validateConfiguration(configuration, 'signalbox.config.ts')).toBe(configuration);
});

it('a bus with every option can be made without connecting', async () => {
  expect(bus.name).toBe('rabbitmq');
  await bus.close();
});

it('a Signalbox takes every option', async () => {
  const dataSource = await sqlite(':memory:').initialize();
  await dataSource.synchronize();
  await migrate(dataSource);
  const alarms: unknown[] = [];
  // #region signalbox
  const signalbox = await createSignalbox({
    dataSource,
    eventTypes,
    resources: [LoadBalancer],
    bus: [],
    source: 'compute',
    maxPayload: 256 * 1024, // bytes
    relay: {
      batch: 1000, // rows
      window: 1000, // events
      pollInterval: 200, // milliseconds, as all below
      leaseDuration: 10_000,
      stopTimeout: 10_000,
      unroutable: 'count',
      retryDelay: 100,
      maxRetryDelay: 5000,
      lagBound: 60_000,
      sampleInterval: 10_000,
    },
    onRelayNotice: (notice) => {
      if (notice.kind === 'lagging' || notice.kind === 'parked') alarms.push(notice);
    },
    deadlines: {
      pollInterval: 1000,
      batch: 100, // deadlines
      stopTimeout: 10_000,
      onFailure: (error, due) => alarms.push({ error, due }),
    },
    groupCommit: { maxBatch: 128, concurrency: 2 },
  });
  // #endregion
  const { revision } = await signalbox.create(LoadBalancer, { members: 1 });
  expect(revision).toBe(1);
  await signalbox.close();
  await dataSource.destroy();
  expect(alarms).toEqual([]);
});
