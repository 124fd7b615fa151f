import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { rabbitmq } from '../../dist/amqp.js';
import { eventOf } from '../by-hand/event.mjs';
import { messageOf } from '../by-hand/publisher.mjs';
import { byHandConsumer } from '../by-hand/relay.mjs';
import { figure } from '../figure.mjs';
import { Lamp, switching } from '../lamp.mjs';
import { percentiles } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase, postgresSettings } from '../servers/postgres.mjs';
import { rabbitmqExchange } from '../servers/rabbitmq.mjs';

const perSecond = 50;

/**
 * From the moment a commit is known to its handler, against a confirmed publish to its delivery. Both
 * at a steady light load, one after the other in turn, so that each has the same neighbours.
 */
export const latency = {
  name: 'latency',
  title: `commit to handler at ${perSecond} a second, PostgreSQL and a quorum queue`,
  run: (options) =>
    scoped(async (open) => {
      const broker = open(await rabbitmqExchange());
      const raw = open(await rabbitmqExchange());
      const bus = open(rabbitmq({ url: broker.url, exchange: broker.exchange }));
      const database = open(await postgresDatabase({ bus, relay: true }));
      const ours = await signalboxPath(database, broker);
      const theirs = await rawPath(raw, open);
      const seconds = Math.max(options.seconds * 2, 1);
      const subject = { name: 'commit to handler', samples: [] };
      const reference = { name: 'confirmed publish to delivery', samples: [] };
      await together(ours, theirs, 1);
      for (let round = 0; round < options.rounds; round += 1) {
        const [one, other] = await together(ours, theirs, seconds);
        options.log(`  round ${round + 1} of ${options.rounds}: ${one.p50.toFixed(2)} ms`);
        subject.samples.push(one);
        reference.samples.push(other);
      }
      const settings = await postgresSettings(database.dataSource);
      const name = 'commit to handler, light load';
      const goal = { most: 2 };
      return {
        settings: { ...settings, RabbitMQ: broker.version, queue: 'quorum', confirms: 'on' },
        figures: ['p50', 'p99'].map((measure) =>
          figure({ name: `${name}, ${measure}`, goal, subject, reference, measure, unit: 'ms' }),
        ),
      };
    }),
};

/** Each is sent `perSecond` times a second, the second half-way between two of the first. */
async function together(ours, theirs, seconds) {
  const [one, other] = [[], []];
  const count = Math.ceil(seconds * perSecond);
  const pause = 1_000 / perSecond / 2;
  const pending = [];
  for (let index = 0; index < count; index += 1) {
    pending.push(ours().then((time) => one.push(time)));
    await delay(pause);
    pending.push(theirs().then((time) => other.push(time)));
    await delay(pause);
  }
  await Promise.all(pending);
  return [percentiles(one), percentiles(other)];
}

async function signalboxPath({ signalbox, uuids }, broker) {
  const handled = new Arrivals();
  await signalbox.subscribe(
    { resource: Lamp.lifecycle.resource },
    (event) => handled.arrived(event.id),
    {
      pool: 'bench',
    },
  );
  broker.adopt(`${broker.exchange}/pool/bench`, `${broker.exchange}/dead/bench`);
  const move = switching(signalbox, uuids, 1);
  return async () => {
    const { events } = await move(0);
    const committed = performance.now();
    return Math.max(0, (await handled.timeOf(events[0])) - committed);
  };
}

async function rawPath(broker, open) {
  const queue = await broker.queue('quorum', {
    arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true },
  });
  const delivered = new Arrivals();
  open(
    await byHandConsumer({
      url: broker.url,
      queue,
      prefetch: 100,
      handle: (message) => delivered.arrived(message.properties.messageId),
    }),
  );
  const channel = await broker.connection.createConfirmChannel();
  const row = { state: 'Off', version: 1, account: 'account-1', domain: 'domain-1', project: null };
  return async () => {
    const uuid = randomUUID();
    const event = eventOf(uuid, row);
    const { key, body, options } = messageOf({ ...event, id: event.eventId, uuid });
    const sent = performance.now();
    channel.publish(broker.exchange, key, body, options, () => {});
    return (await delivered.timeOf(event.eventId)) - sent;
  };
}

/** When messages arrived, by id, whether they are asked for before or after. */
class Arrivals {
  #times = new Map();
  #waiting = new Map();

  arrived(id) {
    const now = performance.now();
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) this.#times.set(id, now);
    else waiting(now);
    this.#waiting.delete(id);
  }

  async timeOf(id) {
    const time = this.#times.get(id);
    this.#times.delete(id);
    return time ?? new Promise((resolve) => this.#waiting.set(id, resolve));
  }
}
