import { rabbitmq } from '../../dist/src/bus/amqp/index.js';
import { cloudEvents, subscribeEvents } from '../../dist/src/index.js';
import { backlog } from '../backlog.mjs';
import { publishAll } from '../by-hand/publisher.mjs';
import { figure } from '../figure.mjs';
import { compare, sized } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase } from '../servers/postgres.mjs';
import { rabbitmqExchange } from '../servers/rabbitmq.mjs';

const prefetch = 1_000;

/** From a full queue of a pool to acknowledgements, with a handler that does nothing. */
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
        const start = performance.now();
        await consumeAll(messages.length);
        const elapsed = (performance.now() - start) / 1_000;
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
  const countTo = (total, finished) => {
    let handled = 0;
    return () => {
      handled += 1;
      if (handled === total) finished();
    };
  };
  const consumed = async (total, open) => {
    let subscription;
    await new Promise((resolve, reject) => {
      open(countTo(total, resolve)).then((opened) => (subscription = opened), reject);
    });
    await subscription.unsubscribe();
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
  let handled = 0;
  await new Promise((resolve, reject) => {
    channel
      .consume(queue, (message) => {
        channel.ack(message);
        handled += 1;
        if (handled === total) resolve();
      })
      .catch(reject);
  });
  await channel.close();
}

/** What was acknowledged last may have come back with the end of its channel. */
async function empty({ channel }, queue) {
  await channel.purgeQueue(queue);
}
