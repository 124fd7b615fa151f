import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { removeTopology } from '../bus/amqp/rabbitmq-place.js';
import { type PrivateMariadb, startPrivateMariadb } from '../support/private-mariadb.js';
import { serviceUrl } from '../support/service-url.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { uniqueName } from '../support/unique-name.js';
import type { Fault } from './support/broker-faults.js';
import { expectEndured } from './support/expect-endured.js';
import { onRabbitmq } from './support/fault-buses.js';
import { long, seed } from './support/fault-length.js';
import { FaultWorld } from './support/fault-world.js';
import { mariadbFaults } from './support/mariadb-faults.js';
import { random } from './support/random.js';

const database = 'faults';
const names = mariadbFaults(undefined as never, '', undefined as never).map(({ name }) => name);
// The short form draws, so that a week of runs tries each of them.
const struck = long ? names : [random(seed).pick(names)];

describe(`after a fault of MariaDB under load nothing is lost, made up or out of order (seed ${seed})`, () => {
  const exchange = uniqueName('mariadb');
  let server: PrivateMariadb;
  let world: FaultWorld;

  beforeAll(async () => {
    // The patience of a waiting statement, which is 50 seconds by default.
    server = await startPrivateMariadb(['--innodb-lock-wait-timeout=1']);
    await server.query(`CREATE DATABASE ${database}`);
    const bus = onRabbitmq([serviceUrl('rabbitmq')], exchange);
    world = await FaultWorld.open({ seed, database: server.url(database), bus });
  }, 240_000);
  // What one fault has left must not be told again of the next.
  afterEach(() => world.reset());
  afterAll(async () => {
    server?.resume();
    await world?.[Symbol.asyncDispose]();
    await server?.dispose();
    await removeTopology(serviceUrl('rabbitmq'), exchange, ['all']);
  }, 120_000);

  // The server does not exist yet where the tests are named: what strikes is found by its name.
  test.each(struck)(
    '%s',
    (name) => {
      const faults = mariadbFaults(server, database, () => world);
      return expectEndured(world, [faults.find((fault) => fault.name === name) as Fault]);
    },
    240_000,
  );
});

describe.runIf(long)(`MariaDB with a semi-synchronous replica (seed ${seed})`, () => {
  const exchange = uniqueName('failover');
  let leader: PrivateMariadb;
  let follower: PrivateMariadb;
  let line: TcpProxy;
  let world: FaultWorld;

  beforeAll(async () => {
    leader = await startPrivateMariadb([
      '--log-bin=log',
      '--gtid-strict-mode=ON',
      // Before anybody else sees a commit, the replica has it.
      '--rpl-semi-sync-master-wait-point=AFTER_SYNC',
    ]);
    follower = await leader.follower();
    await leader.query(`CREATE DATABASE ${database}`);
    // What a virtual address or a proxy is elsewhere.
    line = await startTcpProxy({ host: '127.0.0.1', port: leader.port });
    const url = new URL(leader.url(database));
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
