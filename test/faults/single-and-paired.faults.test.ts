import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { startPrivatePostgres, type PrivatePostgres } from '../support/private-postgres.js';
import { startPrivateRabbitmq, type PrivateRabbitmq } from '../support/private-rabbitmq.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { brokerFaults, type Fault } from './support/broker-faults.js';
import { databaseFaults } from './support/database-faults.js';
import { expectEndured } from './support/expect-endured.js';
import { onRabbitmq } from './support/fault-buses.js';
import { long, seed } from './support/fault-length.js';
import { FaultWorld } from './support/fault-world.js';
import { processFaults } from './support/process-faults.js';
import { random } from './support/random.js';

let postgres: PrivatePostgres;
let broker: PrivateRabbitmq;
let line: TcpProxy;
let world: FaultWorld;

beforeAll(async () => {
  await Promise.all([
    startPrivatePostgres().then((started) => (postgres = started)),
    startPrivateRabbitmq().then((started) => (broker = started)),
  ]);
  line = await startTcpProxy({ host: '127.0.0.1', port: broker.port });
  await postgres.query('CREATE DATABASE faults');
  world = await FaultWorld.open({
    seed,
    database: postgres.url('faults'),
    bus: onRabbitmq([`amqp://guest:guest@127.0.0.1:${line.port}`]),
  });
  // RabbitMQ 3.10 does not find a quorum queue again that was made a moment before a kill: it saves its
  // list of them only now and then, and when it stops.
  await broker.stop();
  await broker.start();
}, 240_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await line?.close();
  await broker?.dispose();
  await postgres?.dispose();
}, 120_000);

// What one fault has left must not be told again of the next.
afterEach(() => world.reset());

const clocks = processFaults();

// The servers do not exist yet where the tests are named: what strikes is found by its name.
const names = {
  broker: brokerFaults(undefined as never, undefined as never).map(({ name }) => name),
  database: databaseFaults(undefined as never, '', undefined as never).map(({ name }) => name),
  process: clocks.map(({ name }) => name),
};

function faultNamed(name: string): Fault {
  const all = [
    ...brokerFaults(broker, line),
    ...databaseFaults(postgres, 'faults', () => world),
    ...clocks,
  ];
  return all.find((fault) => fault.name === name) as Fault;
}

const choice = random(seed);
const drawn = <T>(from: readonly T[], count: number): readonly T[] => {
  const left = [...from];
  return Array.from({ length: count }, () => left.splice(choice.whole(left.length), 1)[0] as T);
};
const every = [...names.broker, ...names.database, ...names.process];
// The short form draws from all, so that a week of runs tries each of them.
const single = long ? every : [...drawn(names.broker, 2), ...drawn(names.database, 2)];
const pairs = Array.from({ length: long ? 12 : 1 }, () => [
  choice.pick(names.broker),
  choice.pick(names.database),
]);

describe(`after a fault under load nothing is lost, made up or out of order (seed ${seed})`, () => {
  test.each(single)('%s', async (name) => expectEndured(world, [faultNamed(name)]), 240_000);

  test.each(pairs)(
    '%s, while %s',
    async (...both) => expectEndured(world, both.map(faultNamed)),
    240_000,
  );
});
