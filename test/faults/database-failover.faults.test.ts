import { afterAll, beforeAll, describe, test } from 'vitest';
import { removeTopology } from '../bus/amqp/rabbitmq-place.js';
import { eventually } from '../support/eventually.js';
import { type PrivatePostgres, startPrivatePostgres } from '../support/private-postgres.js';
import { serviceUrl } from '../support/service-url.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { uniqueName } from '../support/unique-name.js';
import { onRabbitmq } from './support/fault-buses.js';
import { long, seed } from './support/fault-length.js';
import { FaultWorld } from './support/fault-world.js';

describe.runIf(long)(`PostgreSQL with a synchronous replica (seed ${seed})`, () => {
  const exchange = uniqueName('failover');
  let leader: PrivatePostgres;
  let follower: PrivatePostgres;
  let line: TcpProxy;
  let world: FaultWorld;

  beforeAll(async () => {
    leader = await startPrivatePostgres();
    await leader.query('CREATE DATABASE faults');
    follower = await leader.follower('replica');
    await leader.query("ALTER SYSTEM SET synchronous_standby_names = 'replica'");
    await leader.query('SELECT pg_reload_conf()');
    await eventually(async () => {
      const [replica] = await leader.query('SELECT sync_state FROM pg_stat_replication');
      if (replica?.['sync_state'] !== 'sync') throw new Error('the replica does not follow yet');
    });
    // What a virtual address or a connection pooler is elsewhere.
    line = await startTcpProxy({ host: '127.0.0.1', port: leader.port });
    const url = new URL(leader.url('faults'));
    url.port = String(line.port);
    world = await FaultWorld.open({
      seed,
      database: url.href,
      bus: onRabbitmq([serviceUrl('rabbitmq')], exchange),
    });
  }, 240_000);
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await line?.close();
    await follower?.dispose();
    await leader?.dispose();
    await removeTopology(serviceUrl('rabbitmq'), exchange, ['all']);
  }, 120_000);

  test('loses nothing of what was committed when the leader dies and the replica takes over', async () => {
    world.work.start(8, 4);
    await world.changes(300);
    line.refuse();
    await leader.kill();
    await follower.promote();
    line.retarget({ host: '127.0.0.1', port: follower.port });
    line.cut();
    line.open();
    await world.changes(300);
    await world.settle('failed over');
  }, 240_000);
});
