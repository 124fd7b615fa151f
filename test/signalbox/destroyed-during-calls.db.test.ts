import { DataSource, type DataSourceOptions } from 'typeorm';
import { afterEach, expect, test } from 'vitest';
import { cloudStackEventTypes } from '../../machines/index.js';
import { Volume, Network, VirtualMachine } from '../../src/cli/demo/entities.js';
import { SignalboxError } from '../../src/core/errors/errors.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import type { Bus } from '../../src/delivery/bus/bus.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { createSignalbox, type SignalboxOptions } from '../../src/signalbox/create-signalbox.js';
import type { Signalbox } from '../../src/signalbox/signalbox.js';
import { eachDatabase, freshDatabase } from '../support/databases.js';

function deferred(): { readonly promise: Promise<void>; resolve(): void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve: () => resolve() };
}

const resources = [Volume, Network, VirtualMachine];

eachDatabase((kind) => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  async function open(
    bus: Bus,
    options: Pick<SignalboxOptions, 'relay' | 'deadlines'> = {},
  ): Promise<{ readonly dataSource: DataSource; readonly signalbox: Signalbox }> {
    const database = await freshDatabase(kind);
    ends.push(() => database.dispose());
    const dataSource = await new DataSource({
      ...database.options,
      entities: resources,
      migrations: [...migrations],
    } as DataSourceOptions).initialize();
    ends.push(async () => (dataSource.isInitialized ? dataSource.destroy() : undefined));
    await dataSource.synchronize();
    await migrate(dataSource);
    const signalbox = await createSignalbox({
      dataSource,
      source: 'management-server',
      eventTypes: cloudStackEventTypes,
      resources,
      bus,
      ...options,
    });
    ends.push(() => signalbox.close());
    return { dataSource, signalbox };
  }

  test('close() does not wait for rows that a destroyed DataSource cannot remove', async () => {
    const inner = memoryBus();
    const published = deferred();
    const confirmed = deferred();
    const slow: Bus = Object.assign(Object.create(inner) as Bus, {
      publish: async (message: Parameters<Bus['publish']>[0]) => {
        published.resolve();
        await confirmed.promise;
        return inner.publish(message);
      },
    });
    // Longer than the test may take.
    const { dataSource, signalbox } = await open(slow, { relay: { stopTimeout: 600_000 } });
    await signalbox.create(Network, { name: 'net' });
    await published.promise;
    await dataSource.destroy();
    confirmed.resolve();
    await expect(signalbox.close()).resolves.toBeUndefined();
  });

  test('a DataSource that is destroyed during a call gives a typed error, or the result', async () => {
    const { dataSource, signalbox } = await open(memoryBus(), { relay: false, deadlines: false });
    const { uuid } = await signalbox.create(Network, { name: 'net' });
    const job = await signalbox.jobs.submit('x');
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      transition: () => signalbox.transition(Network, uuid, 'ImplementNetwork'),
      create: () => signalbox.create(Network, { name: 'other' }),
      remove: () =>
        signalbox.remove(Object.assign(new Network(), { uuid, state: 'Allocated', revision: 1 })),
      explain: () => signalbox.explain(Network, uuid, 'ImplementNetwork'),
      action: () => signalbox.action('VM.START', {}, () => undefined),
      recordUsage: () => signalbox.recordUsage('VM.START'),
      raiseAlert: () => signalbox.raiseAlert('ALERT.USERVM', 'x'),
      watch: async () => (await signalbox.watch(Network)).close(),
      history: () => signalbox.history(Network, uuid),
      replay: () => signalbox.replay({}, { pool: 'billing' }),
      outboxDepth: () => signalbox.outboxDepth(),
      'jobs.submit': () => signalbox.jobs.submit('x'),
      'jobs.update': () => signalbox.jobs.update(job, 1),
      'jobs.complete': () => signalbox.jobs.complete(job),
    };
    // The call is caught at another place each time.
    const faults: string[] = [];
    for (const [name, call] of Object.entries(calls)) {
      for (let turns = 0; turns < 5; turns += 1) {
        const ended = call().then(
          () => undefined,
          (error: unknown) => error,
        );
        for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
        await dataSource.destroy();
        const error = await ended;
        if (error !== undefined && !(error instanceof SignalboxError)) {
          faults.push(
            `${name}, ${turns}: ${String((error as Error).stack)
              .split('\n')
              .slice(0, 20)
              .join(' ')}`,
          );
        }
        await dataSource.initialize();
      }
    }
    expect(faults).toEqual([]);
  });
});
