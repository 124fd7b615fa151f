import { batches, oneStatement, transaction } from '../by-hand/postgres.mjs';
import { figure } from '../figure.mjs';
import { switching } from '../lamp.mjs';
import { best, compare, looped } from '../measure.mjs';
import { scoped } from '../scoped.mjs';
import { postgresDatabase, postgresSettings } from '../servers/postgres.mjs';
import { serverTimes } from './server-times.mjs';

const batchSize = 100;

/** One transition with its event, by one caller and by many, against three ways to do it by hand. */
export const postgres = {
  name: 'postgres',
  title: 'one transition with its event, PostgreSQL',
  run: (options) =>
    scoped(async (open) => {
      const database = open(await postgresDatabase());
      const times = await serverTimes(database.url, options);
      const alone = await oneCaller(database, options);
      const many = await manyCallers(database, 256, options);
      return {
        settings: await postgresSettings(database.dataSource),
        figures: [...times, ...alone, ...many],
      };
    }),
};

async function oneCaller({ reset, signalbox, url, uuids }, options) {
  await reset();
  return scoped(async (open) => {
    // Each caller its own part of the rows: `oneStatement` knows what they hold.
    const half = uuids.length / 2;
    const [others, own] = [uuids.slice(0, half), uuids.slice(half)];
    const plain = open(transaction(url, others, { connections: 1, callers: 1, prepare: false }));
    const prepared = open(transaction(url, others, { connections: 1, callers: 1 }));
    const once = open(oneStatement(url, own));
    const [subject, byText, byName, atOnce] = await compare(
      [
        looped('signalbox.transition()', 1, switching(signalbox, uuids, 1)),
        looped('BEGIN; SELECT; UPDATE; INSERT; COMMIT', 1, plain.operation),
        looped('the same, prepared', 1, prepared.operation),
        looped('one statement that reads nothing', 1, once.operation),
      ],
      // One caller makes few calls a second: it takes some for the engine to have compiled all of it.
      { ...options, warmUp: options.seconds },
    );
    const name = 'one caller, transition + event, PostgreSQL';
    return [
      figure({ name, goal: { least: 2 }, subject, reference: byText }),
      figure({ name: `${name}, against prepared statements`, subject, reference: byName }),
      figure({ name: `${name}, against the least that commits`, subject, reference: atOnce }),
    ];
  });
}

async function manyCallers({ dataSource, reset, signalbox, url, uuids }, callers, options) {
  await reset();
  return scoped(async (open) => {
    options.log('  looking for the best numbers of connections by hand');
    const byHand = await best(
      [4, 8, 16, 32].map((connections) => {
        const way = open(transaction(url, uuids, { connections, callers }));
        return looped(`prepared transaction, ${connections} connections`, callers, way.operation);
      }),
      options,
    );
    const candidates = [];
    for (const connections of [1, 2, 4]) {
      const table = await lampCopy(dataSource, connections);
      const way = open(batches(url, uuids, { connections, size: batchSize, table }));
      const name = `batches of ${batchSize} on ${connections} of the connections`;
      candidates.push(looped(name, connections, way.operation));
    }
    const byBatch = await best(candidates, options);
    // The best may have more rows under way than there are callers.
    const [, asManyRows] = candidates;
    const journalled = open(
      batches(url, uuids, {
        connections: 2,
        size: batchSize,
        table: await lampCopy(dataSource, 'journalled'),
        journal: true,
      }),
    );
    const [subject, one, batch, withJournal, fewer = batch] = await compare(
      [
        looped('signalbox.transition()', callers, switching(signalbox, uuids, callers)),
        byHand,
        byBatch,
        looped(
          `batches of ${batchSize} on 2 of the connections, with a journal`,
          2,
          journalled.operation,
        ),
        ...(byBatch === asManyRows ? [] : [asManyRows]),
      ],
      options,
    );
    const name = `${callers} callers, distinct resources, PostgreSQL`;
    return [
      figure({ name, goal: { least: 10 }, subject, reference: one }),
      figure({ name: `${name}: p99`, subject, reference: one, measure: 'p99', unit: 'ms' }),
      figure({
        name: `${name}: in batches by hand`,
        goal: { least: 0.7 },
        subject,
        reference: batch,
      }),
      figure({
        name: `${name}: in batches by hand, no more rows under way than callers`,
        subject,
        reference: fewer,
      }),
      figure({
        name: `${name}: in batches by hand that keep a journal, no more rows under way than callers`,
        subject,
        reference: withJournal,
      }),
    ];
  });
}

/** Batches know beforehand what rows hold, so each way has a table of its own. */
async function lampCopy(dataSource, way) {
  const table = `by_hand_lamp_${way}`;
  await dataSource.query(`CREATE TABLE ${table} (LIKE by_hand_lamp INCLUDING ALL)`);
  await dataSource.query(
    `INSERT INTO ${table} SELECT id, 'Off', 1, state_since, account, domain, project FROM by_hand_lamp`,
  );
  await dataSource.query(`VACUUM ANALYZE ${table}`);
  return table;
}
