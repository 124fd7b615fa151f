import { randomUUID } from 'node:crypto';
import amqplib from 'amqplib';
import { serverUrl } from './url.mjs';

/** An exchange of its own, a bus for it is up to the suite, and what removes both. */
export async function rabbitmqExchange() {
  const url = serverUrl('RABBITMQ');
  const connection = await amqplib.connect(url, { noDelay: true });
  const channel = await connection.createChannel();
  const exchange = `bench-${randomUUID().slice(0, 8)}`;
  await channel.assertExchange(exchange, 'topic', { durable: true });
  const queues = new Set();
  const { version } = connection.connection.serverProperties;
  return {
    url,
    exchange,
    version,
    connection,
    channel,
    /** A durable queue for everything the exchange gets. `type` is quorum or classic. */
    async queue(type, options = {}) {
      const name = `${exchange}/${type}-${randomUUID().slice(0, 8)}`;
      await channel.assertQueue(name, {
        durable: true,
        arguments: { 'x-queue-type': type },
        ...options,
      });
      await channel.bindQueue(name, exchange, '#');
      queues.add(name);
      return name;
    },
    /** Queues that somebody else has made. */
    adopt: (...names) => names.forEach((name) => queues.add(name)),
    async remove(name) {
      queues.delete(name);
      await channel.deleteQueue(name);
    },
    async close() {
      for (const name of queues) await channel.deleteQueue(name);
      await channel.deleteExchange(exchange);
      await connection.close();
    },
  };
}
