import { rabbitmq } from '../../dist/amqp.js';
import { cloudEvents } from '../../dist/formats.js';
import { subscribeEvents } from '../../dist/bus.js';
import { backlog } from '../backlog.mjs';
import { publishAll } from '../by-hand/publisher.mjs';
import { figure } from '../figure.mjs';
import { compare, sized } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase } from '../servers/postgres.mjs';
import { rabbitmqExchange } from '../servers/rabbitmq.mjs';

const prefetch = 1_000;

/**
 * From the first to the last message of a full pool, with a handler that does nothing, each
 * acknowledged.
 */
export const consume = {
  name: 'consume',
  title: 'consume and acknowledge through a pool, RabbitMQ',
  run: (options) =>
    scoped(async (open) => {
      const { dataSource, uuids } = open(await postgresDatabase());
      const broker = open(await rabbitmqExchange());
      const count = Math.ceil(15_000 * options.seconds * options.scale);
      const messages = await (await backlog(dataSource, uuids, count)).messages();
      const bus = open(rabbitmq({ url: broker.url, exchange: broker.exchange }));
      const { queue, subscribe, subscribeChecked } = await pool(bus, broker);
      const publishing = await broker.connection.createConfirmChannel();
      const filled = (consumeAll) => async () => {
        await publishAll(publishing, broker.exchange, messages);
        const elapsed = await consumeAll(messages.length);
        await empty(broker, queue);
        return { operations: messages.length, elapsed };
      };
      const [subject, checked, reference] = await compare(
        [
          sized('bus.subscribe()', filled(subscribe)),
          sized('signalbox.subscribe(): decoded and held to its schema', filled(subscribeChecked)),
          sized(
            'amqplib consume and ack',
            filled((total) => byHand(broker, queue, total)),
          ),
        ],
        options,
      );
      const name = 'consume + ack through a pool, handler empty';
      return {
        settings: { RabbitMQ: broker.version, queue: 'quorum, single active consumer', prefetch },
        figures: [
          figure({ name, goal: { least: 0.8 }, subject, reference }),
          figure({ name: `${name}, each event checked`, subject: checked, reference }),
        ],
      };
    }),
};

async function pool(bus, broker) {
  const settings = { pool: 'bench', prefetch };
  // The first subscription makes the pool's queue.
  const made = await bus.subscribe(['#'], () => {}, settings);
  await made.unsubscribe();
  const queue = `${broker.exchange}/pool/bench`;
  await broker.channel.checkQueue(queue);
  broker.adopt(queue, `${broker.exchange}/dead/bench`);
  const consumed = async (total, open) => {
    let subscription;
    const elapsed = await new Promise((resolve, reject) => {
      open(stopwatch(total, resolve)).then((opened) => (subscription = opened), reject);
    });
    await subscription.unsubscribe();
    return elapsed;
  };
  return {
    queue,
    subscribe: (total) => consumed(total, (handler) => bus.subscribe(['#'], handler, settings)),
    subscribeChecked: (total) =>
      consumed(total, (handler) => subscribeEvents(bus, cloudEvents, {}, handler, settings)),
  };
}

async function byHand({ connection }, queue, total) {
  const channel = await connection.createChannel();
  await channel.prefetch(prefetch);
  const elapsed = await new Promise((resolve, reject) => {
    const handled = stopwatch(total, resolve);
    channel
      .consume(queue, (message) => {
        channel.ack(message);
        handled();
      })
      .catch(reject);
  });
  await channel.close();
  return elapsed;
}

/** To be called for each message; tells the seconds from the first to the last. */
function stopwatch(total, finished) {
  let handled = 0;
  let start = 0;
  return () => {
    if (handled === 0) start = performance.now();
    handled += 1;
    if (handled === total) finished((performance.now() - start) / 1_000);
  };
}

/** What was acknowledged last may have come back with the end of its channel. */
async function empty({ channel }, queue) {
  await channel.purgeQueue(queue);
}
