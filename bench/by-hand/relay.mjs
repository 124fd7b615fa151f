import amqplib from 'amqplib';
import pg from 'pg';
import { messageOf, publishAll } from './publisher.mjs';

/**
 * The relay an engineer would write: woken by NOTIFY, it locks a batch, publishes it with confirms,
 * deletes it, commits, and begins again until nothing is left.
 */
export async function byHandRelay({ url, exchange, database, batch = 1_000 }) {
  const client = new pg.Client({ connectionString: database });
  const listener = new pg.Client({ connectionString: database });
  await Promise.all([client.connect(), listener.connect()]);
  const connection = await amqplib.connect(url, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  let woken = true;
  let running = false;
  const round = async () => {
    await client.query('BEGIN');
    const { rows } = await client.query({
      name: 'batch',
      text: `SELECT id, event_id, key, payload FROM by_hand_outbox ORDER BY id LIMIT $1
        FOR UPDATE SKIP LOCKED`,
      values: [batch],
    });
    await publishAll(
      channel,
      exchange,
      rows.map(({ event_id: id, key, payload }) =>
        messageOf({ key, id, uuid: key.slice(key.lastIndexOf('.') + 1), payload }),
      ),
    );
    await client.query({
      name: 'delete',
      text: 'DELETE FROM by_hand_outbox WHERE id = ANY ($1::bigint[])',
      values: [rows.map(({ id }) => id)],
    });
    await client.query('COMMIT');
    return rows.length;
  };
  const work = async () => {
    if (running) return;
    running = true;
    while (woken) {
      woken = false;
      while ((await round()) > 0) {}
    }
    running = false;
  };
  let current = work();
  listener.on('notification', () => {
    woken = true;
    if (!running) current = work();
  });
  await listener.query('LISTEN by_hand');
  return {
    async close() {
      woken = false;
      await current;
      await Promise.all([client.end(), listener.end()]);
      await connection.close();
    },
  };
}

/** Consumes a queue and acknowledges each message. */
export async function byHandConsumer({ url, queue, prefetch, handle }) {
  const connection = await amqplib.connect(url, { noDelay: true });
  const channel = await connection.createChannel();
  await channel.prefetch(prefetch);
  await channel.consume(queue, (message) => {
    handle(message);
    channel.ack(message);
  });
  return { close: () => connection.close() };
}
