import { expect, it } from 'vitest';
import { cloudEvents } from 'signalbox/formats';
import { createSignalbox, memoryBus, migrate, migrations } from 'signalbox';
import type { SignalboxEvent } from 'signalbox';
import { DataSource } from 'typeorm';
import { sampleEvents } from '../test/core/events/sample-events.js';
import { eventually } from '../test/support/eventually.js';
import { eventTypes, LoadBalancer } from './load-balancer.js';
// #region imports
import { DeadLetterError, foreignType } from 'signalbox';
// #endregion

/** A consumer's own tables, as simple as can be. */
class Directory {
  readonly #revisions = new Map<string, number>();
  readonly handled = new Set<string>();
  readonly states = new Map<string, string | null>();
  readonly gaps: string[] = [];
  failures = 0;

  revisionOf(uuid: string): number {
    return this.#revisions.get(uuid) ?? 0;
  }

  put(uuid: string, revision: number, state: string | null): void {
    this.#revisions.set(uuid, revision);
    this.states.set(uuid, state);
  }
}

async function place() {
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [LoadBalancer],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  const bus = memoryBus();
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes,
    resources: [LoadBalancer],
    bus,
  });
  const close = async () => {
    await signalbox.close();
    await bus.close();
    await dataSource.destroy();
  };
  return { bus, signalbox, close };
}

it('keeps a directory that neither a duplicate nor an older event can set back', async () => {
  const { bus, signalbox, close } = await place();
  const directory = new Directory();
  // #region once
  await signalbox.subscribe(
    { category: 'ResourceStateEvent', resource: LoadBalancer },
    async ({ id, partitionkey: uuid = '', revision = 0, data }) => {
      if (directory.handled.has(id)) return; // a duplicate: the id never changes
      const known = directory.revisionOf(uuid);
      if (revision <= known) return; // older than what is known, such as a redriven dead letter
      if (revision > known + 1) directory.gaps.push(`${uuid} misses ${known + 1}`); // read it again
      directory.put(uuid, revision, data.new);
      directory.handled.add(id); // in a database: in the same transaction as the change
    },
    { pool: 'directory', concurrency: 16 },
  );
  // #endregion
  const { uuid } = await signalbox.create(LoadBalancer, { members: 2 });
  await signalbox.transition(LoadBalancer, uuid, 'DeployRequested');
  await eventually(() => expect(directory.states.get(uuid)).toBe('Deploying'));

  // What a consumer sees after a crash of the relay, and what it must survive: an event again, and late.
  const [first] = await signalbox.history(LoadBalancer, uuid);
  const again = {
    key: `compute.ResourceStateEvent.Created.LoadBalancer.${uuid}`,
    contentType: 'application/cloudevents+json',
    headers: {},
    partitionKey: uuid,
  };
  const body = Buffer.from(first?.payload ?? '');
  await bus.publish({ ...again, id: first?.id ?? '', body });
  const skipped = { ...JSON.parse(body.toString()), id: 'another', revision: 9 } as object;
  await bus.publish({ ...again, id: 'another', body: Buffer.from(JSON.stringify(skipped)) });
  await eventually(() => expect(directory.gaps).toEqual([`${uuid} misses 3`]));
  expect(directory.revisionOf(uuid)).toBe(9);
  await close();
});

it('selects by types that are known, and by those of others where it says so', async () => {
  const { bus, signalbox, close } = await place();
  const seen: string[] = [];
  // #region types
  await signalbox.subscribe(
    { resource: LoadBalancer, type: ['DeployRequested', 'Removed'] }, // or of a list of classes
    (event) => void seen.push(event.type),
  );
  await signalbox.subscribe(
    { source: 'billing', category: 'ActionEvent', type: foreignType('INVOICE.SEND') },
    (event) => void seen.push(`${event.type} ${event.data.status}`),
  );
  // #endregion
  const { uuid } = await signalbox.create(LoadBalancer, { members: 1 });
  await signalbox.transition(LoadBalancer, uuid, 'DeployRequested');
  const sent = { ...sampleEvents[1], source: 'billing', type: 'INVOICE.SEND' } as SignalboxEvent;
  await bus.publish(cloudEvents.encode(sent));
  await eventually(() =>
    expect(seen.toSorted()).toEqual(['DeployRequested', 'INVOICE.SEND Failed']),
  );
  await close();
});

it('retries what may succeed later, and gives poison up with its reason', async () => {
  const { bus, signalbox, close } = await place();
  const billed: string[] = [];
  let ledgerIsAway = true;
  const ledger = {
    async add(type: string): Promise<void> {
      if (ledgerIsAway) {
        ledgerIsAway = false;
        throw new Error('the ledger is away');
      }
      billed.push(type);
    },
  };
  // #region retry
  await signalbox.subscribe(
    { category: 'UsageEvent' },
    async (event, { attempt }, signal) => {
      if (event.type === 'LB.DELETE' && event.account === undefined) {
        throw new DeadLetterError('nobody to bill'); // poison: trying again cannot help
      }
      signal.throwIfAborted(); // the subscription is closing: leave it to another member
      await ledger.add(`${event.type} at try ${attempt}`); // whatever throws is tried again
    },
    {
      pool: 'billing',
      concurrency: 8,
      retry: { attempts: 10, delay: 50, maxDelay: 5_000 },
    },
  );
  // #endregion
  const { uuid } = await signalbox.create(LoadBalancer, { members: 1 });
  for (const event of ['DeployRequested', 'OperationSucceeded', 'RemoveRequested'] as const) {
    await signalbox.transition(LoadBalancer, uuid, event);
  }
  await eventually(() => expect(billed).toEqual(['LB.CREATE at try 2']));
  await eventually(async () => expect(await bus.deadLetters?.read('billing')).toHaveLength(1));
  // #region dead
  const letters = (await bus.deadLetters?.read('billing')) ?? [];
  const report = letters.map(({ reason, attempts }) => `${reason} (tries: ${attempts})`);
  await bus.deadLetters?.redrive('billing', { limit: 10 }); // back to this pool, and to no other
  // #endregion
  expect(report).toEqual(['nobody to bill (tries: 1)']);
  await eventually(async () => expect(await bus.deadLetters?.drop('billing')).toBe(1));
  await close();
});
