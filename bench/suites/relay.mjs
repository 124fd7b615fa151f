import { rabbitmq } from '../../dist/amqp.js';
import { createRelay } from '../../dist/relay.js';
import { backlog } from '../backlog.mjs';
import { publishAll } from '../by-hand/publisher.mjs';
import { figure } from '../figure.mjs';
import { compare, sized } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase, postgresSettings } from '../servers/postgres.mjs';
import { rabbitmqExchange } from '../servers/rabbitmq.mjs';
import { until } from '../until.mjs';

/** From a full outbox to confirms and an empty outbox, against confirms for what is in memory. */
export const relay = {
  name: 'relay',
  title: 'relay, PostgreSQL to RabbitMQ',
  run: (options) =>
    scoped(async (open) => {
      const database = open(await postgresDatabase());
      const broker = open(await rabbitmqExchange());
      const moved = open(await startRelay(database, broker));
      const channel = await broker.connection.createConfirmChannel();
      const figures = [];
      for (const type of ['quorum', 'classic']) {
        const queue = await broker.queue(type);
        const sizeOf = (seconds) => Math.ceil(10_000 * seconds * options.scale);
        const [subject, reference] = await compare(
          [
            sized('relay', async ({ seconds }) => {
              const rows = await backlog(database.dataSource, database.uuids, sizeOf(seconds));
              const result = await moved.drain(rows, sizeOf(seconds));
              await broker.channel.purgeQueue(queue);
              return result;
            }),
            sized('amqplib confirms from memory', async ({ seconds }) => {
              const rows = await backlog(database.dataSource, database.uuids, sizeOf(seconds));
              const messages = await rows.messages();
              const start = performance.now();
              await publishAll(channel, broker.exchange, messages);
              const elapsed = (performance.now() - start) / 1_000;
              await broker.channel.purgeQueue(queue);
              return { operations: messages.length, elapsed };
            }),
          ],
          options,
        );
        await broker.remove(queue);
        const name = `relay, PostgreSQL to RabbitMQ, confirmed, ${type} queue`;
        figures.push(figure({ name, goal: { least: 0.9 }, subject, reference }));
      }
      const settings = await postgresSettings(database.dataSource);
      return {
        settings: { ...settings, RabbitMQ: broker.version, confirms: 'on', messages: 'persistent' },
        figures,
      };
    }),
};

/** A relay that works when told to, and holds every share. */
async function startRelay({ dataSource }, { url, exchange }) {
  const bus = rabbitmq({ url, exchange });
  await bus.connect();
  const running = createRelay({
    dataSource,
    bus,
    source: 'bench',
    options: { pollInterval: 60_000 },
  });
  running.start();
  await until(async () => {
    const [row] = await dataSource.query(
      'SELECT count(*)::int AS held FROM signalbox_lease WHERE relay = $1',
      [running.id],
    );
    return row.held === 64;
  }, 'the relay to hold every share');
  return {
    async drain(rows, operations) {
      const { published } = running.counts;
      await rows.appear();
      const start = performance.now();
      running.wake();
      await until(() => running.counts.published - published >= operations, 'confirms');
      await until(async () => {
        const [{ empty }] = await dataSource.query(
          'SELECT NOT EXISTS (SELECT FROM signalbox_outbox) AS empty',
        );
        return empty;
      }, 'an empty outbox');
      return { operations, elapsed: (performance.now() - start) / 1_000 };
    },
    async close() {
      await running.stop();
      await bus.close();
    },
  };
}
