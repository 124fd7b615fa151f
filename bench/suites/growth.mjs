import { cloudStackEventTypes } from 'signalbox/machines';
import { randomUUID } from 'node:crypto';
import { EntitySchema } from 'typeorm';
import { setup } from 'xstate';
import { rabbitmq } from '../../dist/amqp.js';
import { createSignalbox, defineLifecycle, memoryBus } from '../../dist/index.js';
import { backlog } from '../backlog.mjs';
import { figure } from '../figure.mjs';
import { lampCount, switching } from '../lamp.mjs';
import { compare, looped } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase, postgresSettings } from '../servers/postgres.mjs';
import { rabbitmqExchange } from '../servers/rabbitmq.mjs';

const callers = 64;

/** The cost of an event among much and among a thousandth of it. */
export const growth = {
  name: 'growth',
  title: 'cost of an event as a system grows',
  async run(options) {
    const million = Math.ceil(1_000_000 * options.scale);
    const figures = [];
    let settings;
    for (const { what, size, measure } of [
      { what: 'resources', size: million, measure: amongResources },
      { what: 'events waiting in the outbox', size: million, measure: behindBacklog },
      { what: 'subscriptions of the memory bus', size: 10_000, measure: amongSubscriptions },
      { what: 'bindings of a pool on RabbitMQ', size: 10_000, measure: amongBindings },
      { what: 'lifecycle states', size: 1_000, measure: amongStates },
    ]) {
      options.log(`  ${size.toLocaleString('en-US')} ${what}`);
      const small = Math.max(2, Math.ceil(size / 1_000));
      const [subject, reference] = await scoped(async (open) => {
        const contenders = [await measure(open, size), await measure(open, small)];
        settings ??= contenders[0].settings;
        return compare(contenders, options);
      });
      const name = `growth: ${size.toLocaleString('en-US')} ${what}`;
      figures.push(
        figure({
          name,
          goal: { most: 1.3 },
          subject,
          reference,
          measure: ({ rate }) => 1e6 / rate,
          unit: 'µs an event',
        }),
      );
    }
    return { settings, figures };
  },
};

async function amongResources(open, size) {
  const database = open(
    await postgresDatabase({ lamps: Math.min(Math.max(size, 4 * callers), lampCount) }),
  );
  const { dataSource, signalbox, uuids } = database;
  if (size > uuids.length) {
    await dataSource.query(
      `INSERT INTO lamp SELECT gen_random_uuid(), 'Off', 1, '2026-01-01T00:00:00.000Z', 1, 'account-1',
        'domain-1', NULL FROM generate_series(1, $1::int)`,
      [size - uuids.length],
    );
    await dataSource.query('VACUUM ANALYZE lamp');
  }
  return {
    settings: await postgresSettings(dataSource),
    ...looped(`transition() among ${size}`, callers, switching(signalbox, uuids, callers)),
  };
}

async function behindBacklog(open, size) {
  const { dataSource, signalbox, uuids } = open(await postgresDatabase());
  await (await backlog(dataSource, uuids, size)).appear();
  await dataSource.query('VACUUM ANALYZE signalbox_outbox');
  return looped(`transition() with ${size} pending`, callers, switching(signalbox, uuids, callers));
}

const messageTo = (key) => ({
  key,
  id: randomUUID(),
  contentType: 'text/plain',
  headers: {},
  body: Buffer.from('x'.repeat(500)),
});
const patternsOf = (size) =>
  Array.from({ length: size }, (_, index) => `*.ResourceStateEvent.*.Lamp.lamp-${index}`);

async function amongSubscriptions(open, size) {
  const bus = open(memoryBus());
  for (const pattern of patternsOf(size)) await bus.subscribe([pattern], () => {});
  return looped(`publish to one of ${size}`, 1, async () => {
    await bus.publish(messageTo('s.ResourceStateEvent.SwitchedOn.Lamp.lamp-1'));
  });
}

async function amongBindings(open, size) {
  const broker = open(await rabbitmqExchange());
  // Each binding is a round trip.
  const connectTimeout = 120_000;
  const bus = open(rabbitmq({ url: broker.url, exchange: broker.exchange, connectTimeout }));
  broker.adopt(`${broker.exchange}/pool/bench`, `${broker.exchange}/dead/bench`);
  await bus.subscribe(patternsOf(size), () => {}, { pool: 'bench', prefetch: 1_000 });
  return looped(`publish among ${size}`, callers, async (caller) => {
    await bus.publish(messageTo(`s.ResourceStateEvent.SwitchedOn.Lamp.lamp-${caller % 2}`));
  });
}

/** A ring of states: each has an event of its own that leads to the next. */
async function amongStates(open, size) {
  const states = {};
  for (let index = 0; index < size; index += 1) {
    states[`S${index}`] = { on: { [`From${index}`]: `S${(index + 1) % size}` } };
  }
  class Ring {
    static lifecycle = defineLifecycle({
      resource: `Ring${size}`,
      version: 1,
      machine: setup({}).createMachine({ initial: 'S0', states }),
    });
  }
  const entity = new EntitySchema({
    name: `Ring${size}`,
    target: Ring,
    tableName: 'ring',
    columns: {
      uuid: { type: 'uuid', primary: true },
      state: { type: String },
      revision: { type: Number },
    },
  });
  const database = open(await postgresDatabase({ entities: [entity] }));
  const { dataSource } = database;
  await dataSource.query(
    'CREATE TABLE ring (uuid uuid PRIMARY KEY, state varchar(255), revision integer)',
  );
  const uuids = Array.from({ length: callers }, () => randomUUID());
  const at = uuids.map((_, caller) => (caller * 13) % size);
  await dataSource.query(
    `INSERT INTO ring SELECT uuid, 'S' || at, 1 FROM unnest($1::uuid[], $2::int[]) AS r (uuid, at)`,
    [uuids, at],
  );
  const signalbox = open(
    await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources: [Ring],
      relay: false,
      deadlines: false,
    }),
  );
  return looped(`transition() among ${size} states`, callers, async (caller) => {
    const state = at[caller];
    at[caller] = (state + 1) % size;
    await signalbox.transition(Ring, uuids[caller], `From${state}`);
  });
}
