import { availableParallelism } from 'node:os';
import { rabbitmq } from '../../dist/amqp.js';
import { backlog } from '../backlog.mjs';
import { publishAll } from '../by-hand/publisher.mjs';
import { startChild } from '../children/child.mjs';
import { figure } from '../figure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase, postgresSettings } from '../servers/postgres.mjs';
import { rabbitmqExchange } from '../servers/rabbitmq.mjs';
import { until } from '../until.mjs';

const numbers = [1, 2, 4];

/**
 * One, two and four relays, and members of a pool, each in a process of its own: the check of the
 * capacity model in docs/scaling.md. It tells what an event costs each process, which the model begins
 * with.
 */
export const scaling = {
  name: 'scaling',
  title: '1, 2 and 4 relays and pool members, in processes of their own',
  run: (options) =>
    scoped(async (open) => {
      const database = open(await postgresDatabase());
      const broker = open(await rabbitmqExchange());
      const queue = await broker.queue('quorum');
      const size = Math.ceil(10_000 * options.seconds * options.scale);
      const rows = await backlog(database.dataSource, database.uuids, size);
      const messages = await rows.messages();
      const measure = async (what, run) => {
        const results = numbers.map((number) => ({ name: `${number} ${what}`, samples: [] }));
        for (let round = 0; round < options.rounds; round += 1) {
          for (const [index, number] of numbers.entries()) {
            const sample = await run(number);
            results[index].samples.push(sample);
            options.log(
              `  round ${round + 1} of ${options.rounds}: ${Math.round(sample.rate)} /s, ${number} ${what}`,
            );
          }
        }
        return figuresOf(what, results);
      };
      const relays = await measure('relays', (number) =>
        drain({ database, broker, queue, number, size, rows }),
      );
      await broker.remove(queue);
      const bus = open(rabbitmq({ url: broker.url, exchange: broker.exchange }));
      const members = await measure('pool members', (number) =>
        consume({ bus, broker, number, messages }),
      );
      return {
        settings: {
          ...(await postgresSettings(database.dataSource)),
          cores: availableParallelism(),
        },
        figures: [...relays, ...members],
      };
    }),
};

function figuresOf(what, [one, ...more]) {
  return [
    ...more.map((subject) => figure({ name: `scaling: ${subject.name}`, subject, reference: one })),
    figure({
      name: `scaling: processor time of an event with ${more.at(-1).name}`,
      subject: more.at(-1),
      reference: one,
      measure: 'microseconds',
      unit: 'µs',
    }),
  ];
}

async function drain({ database, broker, queue, number, size, rows }) {
  const { dataSource, url } = database;
  await dataSource.query('TRUNCATE signalbox_outbox');
  const given = { database: url, url: broker.url, exchange: broker.exchange, shares: 64 / number };
  const relays = await Promise.all(
    Array.from({ length: number }, () => startChild('relay.mjs', given)),
  );
  await Promise.all(relays.map((relay) => relay.ready()));
  await rows.appear();
  const start = performance.now();
  await until(async () => {
    const [{ empty }] = await dataSource.query(
      'SELECT NOT EXISTS (SELECT FROM signalbox_outbox) AS empty',
    );
    return empty;
  }, 'an empty outbox');
  const elapsed = (performance.now() - start) / 1_000;
  const accounts = await Promise.all(relays.map((relay) => relay.finish()));
  await broker.channel.purgeQueue(queue);
  return { rate: size / elapsed, microseconds: perEvent(accounts) };
}

async function consume({ bus, broker, number, messages }) {
  // The first member makes the queue, which is filled when none is there.
  const made = await bus.subscribe(['#'], () => {}, { pool: 'members', order: 'member' });
  await made.unsubscribe();
  broker.adopt(`${broker.exchange}/pool/members`, `${broker.exchange}/dead/members`);
  const channel = await broker.connection.createConfirmChannel();
  await publishAll(channel, broker.exchange, messages);
  await channel.close();
  const given = { url: broker.url, exchange: broker.exchange };
  const members = await Promise.all(
    Array.from({ length: number }, () => startChild('member.mjs', given)),
  );
  await Promise.all(members.map((member) => member.ready()));
  const start = performance.now();
  members.forEach((member) => member.begin());
  await until(() => total(members) >= messages.length, 'all messages');
  const elapsed = (performance.now() - start) / 1_000;
  const accounts = await Promise.all(members.map((member) => member.finish()));
  return { rate: messages.length / elapsed, microseconds: perEvent(accounts) };
}

const total = (members) => members.reduce((sum, { handled }) => sum + handled, 0);

const perEvent = (accounts) =>
  accounts.reduce((sum, { microseconds }) => sum + microseconds, 0) /
  accounts.reduce((sum, { events }) => sum + events, 0);
