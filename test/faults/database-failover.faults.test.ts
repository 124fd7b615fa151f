import { afterAll, beforeAll, describe, test } from 'vitest';
import { removeTopology } from '../delivery/amqp/rabbitmq-place.js';
import { serviceUrl } from '../support/service-url.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { uniqueName } from '../support/unique-name.js';
import { onRabbitmq } from './support/fault-buses.js';
import { long, seed } from './support/fault-length.js';
import { FaultWorld } from './support/fault-world.js';
import { type LeaderAndReplica, leadersAndReplicas } from './support/leader-and-replica.js';

describe.runIf(long).each(Object.entries(leadersAndReplicas))(
  `%s (seed ${seed})`,
  (_, startPair) => {
    const exchange = uniqueName('failover');
    let pair: LeaderAndReplica;
    let line: TcpProxy;
    let world: FaultWorld;

    beforeAll(async () => {
      pair = await startPair();
      // What a virtual address, a connection pooler or a proxy is elsewhere.
      line = await startTcpProxy({ host: '127.0.0.1', port: pair.leader.port });
      const url = new URL(pair.leader.url('faults'));
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
      await pair?.replica.dispose();
      await pair?.leader.dispose();
      await removeTopology(serviceUrl('rabbitmq'), exchange, ['all']);
    }, 120_000);

    test('loses nothing of what was committed when the leader dies and the replica takes over', async () => {
      const { leader, replica } = pair;
      world.work.start(8, 4);
      await world.changes(300);
      line.refuse();
      await leader.kill();
      await replica.promote();
      line.retarget({ host: '127.0.0.1', port: replica.port });
      line.cut();
      line.open();
      await world.changes(300);
      await world.settle('failed over');
    }, 240_000);
  },
);
