import { connect, type Channel, type ConsumeMessage, type Options } from 'amqplib';

/** A program of others on the broker: plain AMQP, and nothing of this package. */
export interface PlainPeer extends AsyncDisposable {
  readonly channel: Channel;
  publish(
    exchange: string,
    key: string,
    body: string | Buffer,
    options?: Options.Publish,
  ): Promise<void>;
  /** Consumes as others do: acknowledges when it has the message. */
  consume(queue: string): Promise<ConsumeMessage[]>;
}

/** Rejects calls that the broker refuses, such as a declaration with other settings. */
export async function openPlainPeer(url: string): Promise<PlainPeer> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  return {
    channel,
    publish: async (exchange, key, body, options = {}) => {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      channel.publish(exchange, key, bytes, options);
      await channel.waitForConfirms();
    },
    consume: async (queue) => {
      const received: ConsumeMessage[] = [];
      await channel.prefetch(1);
      await channel.consume(queue, (message) => {
        if (message === null) return;
        received.push(message);
        channel.ack(message);
      });
      return received;
    },
    async [Symbol.asyncDispose]() {
      await connection.close().catch(() => undefined);
    },
  };
}

/** What oslo.messaging declares before it publishes or listens, by default. */
export async function declareAsOslo(
  { channel }: PlainPeer,
  exchange: string,
  queue: string,
  routingKey = queue,
): Promise<void> {
  await channel.assertExchange(exchange, 'topic', { durable: false, autoDelete: false });
  await channel.assertQueue(queue, { durable: false, exclusive: false, autoDelete: false });
  await channel.bindQueue(queue, exchange, routingKey);
}

/** What CloudStack declares before each publish. */
export async function declareAsCloudstack({ channel }: PlainPeer, exchange: string): Promise<void> {
  await channel.assertExchange(exchange, 'topic', { durable: true });
}

/** How oslo.messaging publishes. */
export const osloProperties: Options.Publish = {
  contentType: 'application/json',
  contentEncoding: 'utf-8',
  headers: {},
  deliveryMode: 2,
  priority: 0,
};
