import { cloudStackEventTypes } from '../../core/events/cloudstack-event-types.js';
import { setTimeout } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { connectBuses } from '../../config/connect-bus.js';
import { connectDatabase } from '../../config/connect-database.js';
import type { Configuration } from '../../config/configuration.js';
import { createSignalbox } from '../../signalbox/create-signalbox.js';
import { UnavailableError } from '../../core/errors/errors.js';
import { routingKeyOf } from '../../core/events/routing-key.js';
import type { Signalbox } from '../../signalbox/signalbox.js';
import { migrate } from '../../persistence/migrations/migrate.js';
import { migrationsFor } from '../../persistence/migrations/migrations.js';
import { ownQueries } from '../../persistence/tables/placed-tables.js';
import type { TablePlacement } from '../../persistence/tables/table-names.js';
import type { OutboxDepth } from '../../core/stores/outbox-store.js';
import { eventLine } from '../event-line.js';
import { progress } from '../progress.js';
import { CreateDemoTables1700000000001 } from './create-demo-tables.js';
import { demoResources } from './entities.js';
import { runLoad } from './load.js';
import { runScenario } from './scenario.js';
import { countResources, EventTally, summaryText } from './summary.js';

/** Options of the demo: its database, bus and load. */
export interface DemoOptions {
  readonly database: string;
  readonly bus: Configuration['bus'];
  readonly placement: TablePlacement;
  /** As load: how many machines; absent for the scenario. */
  readonly resources: number | undefined;
  readonly json: boolean;
}

/** How long the last events may take to arrive, in milliseconds. */
const arrivalBound = 60_000;

/** Runs the scenario or the load with a subscriber listening, until every event has arrived. */
export async function runDemo(options: DemoOptions): Promise<void> {
  const dataSource = await connectDatabase(options.database, {
    entities: [...demoResources],
    migrations: [...migrationsFor(options.placement), CreateDemoTables1700000000001],
    placement: options.placement,
    poolSize: 10,
  });
  try {
    await migrate(dataSource);
    const buses = await connectBuses(options.bus ?? 'memory:');
    try {
      await using signalbox = await createSignalbox({
        dataSource,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: demoResources,
        bus: buses,
      });
      await perform(options, dataSource, signalbox, buses[0]?.name);
    } finally {
      await Promise.all(buses.map((bus) => bus.close()));
    }
  } finally {
    await dataSource.destroy();
  }
}

async function perform(
  { json, resources }: DemoOptions,
  dataSource: DataSource,
  signalbox: Signalbox,
  bus: string | undefined,
): Promise<void> {
  const tally = new EventTally();
  await signalbox.subscribe(
    '#',
    (event) => {
      if (!tally.add(event)) return;
      const routingKey = routingKeyOf(event);
      if (json) print(JSON.stringify({ routingKey, event }));
      else if (resources === undefined) print(eventLine(routingKey, event));
    },
    { ...(bus === undefined ? {} : { bus }), prefetch: 1000 },
  );
  const arrived = arrivals(dataSource, tally, await lastPosition(dataSource));
  if (resources === undefined) {
    await runScenario(signalbox, dataSource, async (line) => {
      if (json) return;
      // What the last step announced is printed before the next is told.
      await arrived();
      print(`# ${line}`);
    });
  } else {
    const bar = progress('machines', resources);
    await runLoad(signalbox, resources, (done) => {
      bar.update(done);
    });
    bar.stop();
  }
  const journal = await arrived();
  const summary = {
    resources: await countResources(dataSource),
    events: tally.byCategory,
    journal,
    received: tally.size,
    outbox: await emptyOutbox(signalbox),
  };
  print(json ? JSON.stringify({ summary }) : `\n${summaryText(summary)}`);
}

/**
 * Makes a wait until the subscriber has every event that is in the journal behind `start`; it resolves
 * with how many there are.
 */
function arrivals(dataSource: DataSource, tally: EventTally, start: number): () => Promise<number> {
  let position = start;
  let count = 0;
  return async () => {
    await until('every event of the journal has arrived', async () => {
      for (;;) {
        const rows = await journalAfter(dataSource, position);
        for (const row of rows) {
          if (!tally.has(row.id)) return false;
          position = row.position;
          count += 1;
        }
        if (rows.length === 0) return true;
      }
    });
    return count;
  };
}

/** Rows leave the outbox in batches, a moment after their events arrived. */
async function emptyOutbox(signalbox: Signalbox): Promise<OutboxDepth> {
  let depth = await signalbox.outboxDepth();
  await until('the outbox is empty', async () => {
    depth = await signalbox.outboxDepth();
    return depth.pending === 0;
  });
  return depth;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + arrivalBound;
  while (!(await holds())) {
    if (performance.now() > deadline) {
      throw new UnavailableError(
        'BUS_UNAVAILABLE',
        `Gave up waiting until ${what}. Is the broker up, and is a relay running?`,
      );
    }
    await setTimeout(10);
  }
}

async function lastPosition(dataSource: DataSource): Promise<number> {
  const rows: { position: string | number | null }[] = await ownQueries(dataSource).query(
    'SELECT MAX(position) AS position FROM signalbox_journal',
  );
  return Number(rows[0]?.position ?? 0);
}

async function journalAfter(
  dataSource: DataSource,
  position: number,
): Promise<readonly { readonly position: number; readonly id: string }[]> {
  const rows: { position: string | number; id: string }[] = await ownQueries(dataSource).query(
    `SELECT position, id FROM signalbox_journal WHERE position > ${position} ORDER BY position LIMIT 1000`,
  );
  return rows.map(({ position: at, id }) => ({ position: Number(at), id }));
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
