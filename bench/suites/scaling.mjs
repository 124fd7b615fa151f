import { availableParallelism } from 'node:os';
import { rabbitmq } from '../../dist/amqp.js';
import { backlog } from '../backlog.mjs';
import { publishAll } from '../by-hand/publisher.mjs';
import { capacity } from '../capacity-model.mjs';
import { startChild } from '../children/child.mjs';
import { figure, plainFigure } from '../figure.mjs';
import { switching } from '../lamp.mjs';
import { median, run } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase, postgresSettings } from '../servers/postgres.mjs';
import { serverProcessorTime } from '../servers/processor-time.mjs';
import { rabbitmqExchange } from '../servers/rabbitmq.mjs';
import { until } from '../until.mjs';

const numbers = [1, 2, 4];
const callers = 256;
const cores = availableParallelism();

// A new process is compiling its code for its first thousands of events: fewer would measure that.
const fewest = 5_000;

/**
 * The service times that the capacity model of docs/scaling.md begins with, and its check: one, two and
 * four relays, and members of a pool, each in a process of its own, against what the model says of them.
 */
export const scaling = {
  name: 'scaling',
  title: '1, 2 and 4 relays and pool members, in processes of their own',
  run: (options) =>
    scoped(async (open) => {
      const database = open(await postgresDatabase());
      const broker = open(await rabbitmqExchange());
      const servers = {
        database: await serverProcessorTime(database.url),
        broker: await serverProcessorTime(broker.url),
      };
      const moved = await transitions(database, servers, options);
      const queue = await broker.queue('quorum');
      const size = Math.max(fewest, Math.ceil(10_000 * options.seconds * options.scale));
      const rows = await backlog(database.dataSource, database.uuids, size);
      const messages = await rows.messages();
      const relays = await measure('relay', options, (number) =>
        drain({ database, broker, servers, queue, number, size, rows }),
      );
      await broker.remove(queue);
      const bus = open(rabbitmq({ url: broker.url, exchange: broker.exchange }));
      const members = await measure('pool member', options, (number) =>
        consume({ bus, broker, servers, number, messages }),
      );
      return {
        settings: { ...(await postgresSettings(database.dataSource)), cores },
        figures: [
          ...serviceTimes('transition, 256 callers', moved, { database: 'its database' }),
          ...serviceTimes('relay', relays[0].samples, {
            database: 'its database',
            broker: 'its broker, a quorum queue',
          }),
          ...serviceTimes('pool member', members[0].samples, { broker: 'its broker' }),
          ...scalingFigures(relays),
          ...scalingFigures(members),
        ],
      };
    }),
};

async function measure(what, options, sampleOf) {
  const results = numbers.map((number) => ({
    number,
    name: `${number} ${what}${number === 1 ? '' : 's'}`,
    samples: [],
  }));
  for (let round = 0; round < options.rounds; round += 1) {
    for (const { number, name, samples } of results) {
      const sample = await sampleOf(number);
      samples.push(sample);
      options.log(
        `  round ${round + 1} of ${options.rounds}: ${Math.round(sample.rate)} /s, ${name}`,
      );
    }
  }
  return results;
}

function serviceTimes(what, samples, servers) {
  const parts = { own: 'the process', ...servers };
  return Object.entries(parts)
    .filter(([part]) => samples.every((sample) => sample[part] !== undefined))
    .map(([part, told]) =>
      plainFigure({
        name: `service time of an event: ${what}, ${told}`,
        value: samples.map((sample) => sample[part]),
        unit: 'µs',
      }),
    );
}

function scalingFigures(results) {
  const [one, ...more] = results;
  return [
    ...more.map((subject) => figure({ name: `scaling: ${subject.name}`, subject, reference: one })),
    ...results
      .filter(({ samples }) => samples.every(({ servers }) => servers !== undefined))
      .map((subject) =>
        figure({
          name: `scaling: ${subject.name}, against the model`,
          subject,
          reference: predicted(one, subject),
        }),
      ),
    figure({
      name: `scaling: processor time of an event with ${more.at(-1).name}`,
      subject: more.at(-1),
      reference: one,
      measure: 'own',
      unit: 'µs',
    }),
  ];
}

/** What the model makes of the service times that were measured with one process. */
function predicted(one, { number, samples }) {
  const [own, servers] = ['own', 'servers'].map((part) =>
    median(one.samples.map((sample) => sample[part])),
  );
  const rate = capacity({ number, own, servers, processors: cores });
  return { name: 'the model, by the times of one', samples: samples.map(() => ({ rate })) };
}

/** What the servers take for an event while something runs: `begin` before it, `perEvent` after it. */
async function beginAccount(servers) {
  const read = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(servers).map(async ([name, time]) => [name, await time?.()]),
      ),
    );
  const before = await read();
  return {
    async perEvent(events) {
      const after = await read();
      const times = Object.fromEntries(
        Object.keys(servers)
          .filter((name) => before[name] !== undefined)
          .map((name) => [name, (after[name] - before[name]) / events]),
      );
      const known = Object.values(times);
      const isWhole = known.length === Object.keys(servers).length;
      return {
        ...times,
        ...(isWhole ? { servers: known.reduce((sum, time) => sum + time, 0) } : {}),
      };
    },
  };
}

async function transitions({ signalbox, uuids }, { database }, { rounds, seconds }) {
  const operation = switching(signalbox, uuids, callers);
  await run(operation, { callers, seconds: Math.min(1, seconds) });
  const samples = [];
  for (let round = 0; round < rounds; round += 1) {
    const account = await beginAccount({ database });
    const before = process.cpuUsage();
    const start = performance.now();
    const { rate } = await run(operation, { callers, seconds });
    const events = (rate * (performance.now() - start)) / 1_000;
    const { user, system } = process.cpuUsage(before);
    samples.push({ rate, own: (user + system) / events, ...(await account.perEvent(events)) });
  }
  return samples;
}

async function drain({ database, broker, servers, queue, number, size, rows }) {
  const { dataSource, url } = database;
  await dataSource.query('TRUNCATE signalbox_outbox');
  const given = { database: url, url: broker.url, exchange: broker.exchange, shares: 64 / number };
  const relays = await Promise.all(
    Array.from({ length: number }, () => startChild('relay.mjs', given)),
  );
  await Promise.all(relays.map((relay) => relay.ready()));
  const drained = async () => {
    await rows.appear();
    const account = await beginAccount(servers);
    const before = total(relays);
    const start = performance.now();
    await Promise.all(relays.map((relay) => relay.begin()));
    await until(() => total(relays) - before >= size, 'confirms');
    await until(async () => {
      const [{ empty }] = await dataSource.query(
        'SELECT NOT EXISTS (SELECT FROM signalbox_outbox) AS empty',
      );
      return empty;
    }, 'an empty outbox');
    const elapsed = (performance.now() - start) / 1_000;
    const times = await account.perEvent(size);
    await broker.channel.purgeQueue(queue);
    return { rate: size / elapsed, ...times };
  };
  await drained();
  const sample = await drained();
  const accounts = await Promise.all(relays.map((relay) => relay.finish()));
  return { own: perEvent(accounts), ...sample };
}

async function consume({ bus, broker, servers, number, messages }) {
  // The first member makes the queue, which is filled when none is there.
  const made = await bus.subscribe(['#'], () => {}, { pool: 'members', order: 'member' });
  await made.unsubscribe();
  broker.adopt(`${broker.exchange}/pool/members`, `${broker.exchange}/dead/members`);
  const channel = await broker.connection.createConfirmChannel();
  const given = { url: broker.url, exchange: broker.exchange };
  const members = await Promise.all(
    Array.from({ length: number }, () => startChild('member.mjs', given)),
  );
  await Promise.all(members.map((member) => member.ready()));
  const emptied = async () => {
    await publishAll(channel, broker.exchange, messages);
    const account = await beginAccount({ broker: servers.broker });
    const before = total(members);
    const start = performance.now();
    await Promise.all(members.map((member) => member.begin()));
    await until(() => total(members) - before >= messages.length, 'all messages');
    const elapsed = (performance.now() - start) / 1_000;
    const times = await account.perEvent(messages.length);
    return { rate: messages.length / elapsed, ...times };
  };
  await emptied();
  await Promise.all(members.map((member) => member.pause()));
  const sample = await emptied();
  const accounts = await Promise.all(members.map((member) => member.finish()));
  await channel.close();
  return { own: perEvent(accounts), ...sample };
}

const total = (members) => members.reduce((sum, { handled }) => sum + handled, 0);

const perEvent = (accounts) =>
  accounts.reduce((sum, { microseconds }) => sum + microseconds, 0) /
  accounts.reduce((sum, { events }) => sum + events, 0);
