import { transaction } from '../by-hand/postgres.mjs';
import { byHandConsumer, byHandRelay } from '../by-hand/relay.mjs';
import { figure } from '../figure.mjs';
import { compare } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase, postgresSettings } from '../servers/postgres.mjs';
import { rabbitmqExchange } from '../servers/rabbitmq.mjs';
import { signalboxPath, untilHandled } from '../whole-path.mjs';

const callers = 64;
const connections = 16;

/** From the call to the acknowledgement, as fast as it goes, everything on this machine. */
export const path = {
  name: 'path',
  title: `the whole path at saturation, ${callers} callers`,
  run: (options) =>
    scoped(async (open) => {
      const broker = open(await rabbitmqExchange());
      const ours = await signalboxPath(open, broker, callers);
      const other = open(await rabbitmqExchange());
      const theirs = await byHandPath(open, other);
      const [subject, reference] = await compare([ours.contender, theirs], options);
      const name = `whole path at saturation, transition to acked, ${callers} callers`;
      const settings = await postgresSettings(ours.database.dataSource);
      return {
        settings: { ...settings, RabbitMQ: broker.version, queue: 'quorum', confirms: 'on' },
        figures: [figure({ name, goal: { least: 5 }, subject, reference })],
      };
    }),
};

async function byHandPath(open, broker) {
  const { url, uuids } = open(await postgresDatabase());
  const queue = await broker.queue('quorum', {
    arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true },
  });
  const count = { handled: 0 };
  open(
    await byHandConsumer({
      url: broker.url,
      queue,
      prefetch: 1_000,
      handle: () => void (count.handled += 1),
    }),
  );
  open(await byHandRelay({ url: broker.url, exchange: broker.exchange, database: url }));
  const way = open(transaction(url, uuids, { connections, callers, notifies: true }));
  const name = `transaction with NOTIFY on ${connections} connections, relay by 1,000`;
  return untilHandled(name, callers, way.operation, count);
}
