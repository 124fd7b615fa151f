import { cloudStackEventTypes } from '../../../machines/index.js';
import type { DataSource } from 'typeorm';
import { LoadBalancer } from '../../../examples/load-balancer.js';
import { demoResources } from '../../../src/cli/demo/entities.js';
import { connectDatabase } from '../../../src/config/connect-database.js';
import { createSignalbox, type SignalboxOptions } from '../../../src/signalbox/create-signalbox.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';
import { migrate } from '../../../src/persistence/migrations/migrate.js';
import { migrations } from '../../../src/persistence/migrations/migrations.js';
import { eventually } from '../../support/eventually.js';
import { freshDatabase, type TestDatabase } from '../../support/databases.js';
import { Probe } from './probe.js';

/** The four built-in lifecycles and the load balancer of the examples, each with its entity. */
export const cloudResources = [...demoResources, LoadBalancer] as const;

const everyResource = [...cloudResources, Probe] as const;

/** An event of the journal, as it was committed. */
export interface Told {
  readonly position: number;
  readonly event: SignalboxEvent;
}

/** A database with every table, and the Signalboxes opened on it. */
export interface Cloud extends AsyncDisposable {
  readonly kind: TestDatabase;
  /** As `--database` takes it. */
  readonly url: string;
  readonly dataSource: DataSource;
  /** Opens a Signalbox that is closed with the cloud, unless it was before. */
  open(options?: Partial<SignalboxOptions>): Promise<Signalbox>;
  /** The whole journal by position. */
  journal(): Promise<readonly Told[]>;
  /** Armed deadlines, by id. */
  deadlines(): Promise<readonly string[]>;
}

/** A cloud on a fresh database. */
export async function openCloud(kind: TestDatabase): Promise<Cloud> {
  const database = await freshDatabase(kind);
  const dataSource = await connectDatabase(database.url, {
    entities: [...everyResource],
    migrations: [...migrations],
    poolSize: 10,
  });
  await dataSource.synchronize();
  await migrate(dataSource);
  const opened: Signalbox[] = [];
  return {
    kind,
    url: database.url,
    dataSource,
    async open(options = {}) {
      const signalbox = await createSignalbox({
        dataSource,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: everyResource,
        ...options,
      });
      opened.push(signalbox);
      return signalbox;
    },
    async journal() {
      const rows: { position: string | number; payload: string }[] = await dataSource.query(
        'SELECT position, payload FROM signalbox_journal ORDER BY position',
      );
      return rows.map(({ position, payload }) => ({
        position: Number(position),
        event: JSON.parse(payload) as SignalboxEvent,
      }));
    },
    async deadlines() {
      const rows: { deadline: string }[] = await dataSource.query(
        'SELECT deadline FROM signalbox_deadline ORDER BY deadline',
      );
      return rows.map(({ deadline }) => deadline);
    },
    async [Symbol.asyncDispose]() {
      for (const signalbox of opened) await signalbox.close();
      await dataSource.destroy();
      await database.dispose();
    },
  };
}

/** Waits until nothing is pending in the outbox. */
export async function outboxEmpty(signalbox: Signalbox, deadline = 30_000): Promise<void> {
  await eventually(
    async () => {
      const { pending } = await signalbox.outboxDepth();
      if (pending > 0) throw new Error(`${pending} events are still in the outbox`);
    },
    { deadline },
  );
}

/** Events grouped by resource, in the given order; those of no resource under `''`. */
export function idsByResource(
  events: readonly SignalboxEvent[],
): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const { id, partitionkey = '' } of events) {
    const ids = groups.get(partitionkey);
    if (ids === undefined) groups.set(partitionkey, [id]);
    else ids.push(id);
  }
  return groups;
}

/** Drops every event but the first of its id: what remains is the order of first delivery. */
export function firstDeliveries<T extends { readonly id: string }>(events: readonly T[]): T[] {
  const seen = new Set<string>();
  return events.filter(({ id }) => !seen.has(id) && seen.add(id));
}
