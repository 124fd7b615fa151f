import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { removeTopology } from '../delivery/amqp/rabbitmq-place.js';
import { type PrivateMariadb, startPrivateMariadb } from '../support/private-mariadb.js';
import { serviceUrl } from '../support/service-url.js';
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
