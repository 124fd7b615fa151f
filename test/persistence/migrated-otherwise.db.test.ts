import { cloudStackEventTypes } from '../../machines/index.js';
import { DataSource } from 'typeorm';
import { afterEach, expect, test, vi } from 'vitest';
import { LoadBalancer } from '../../examples/load-balancer.js';
import { run } from '../../src/cli/run.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { eachDatabase, freshDatabase, type FreshDatabase } from '../support/databases.js';

afterEach(() => vi.restoreAllMocks());

const names = migrations.map(({ name }) => name);

const open = ({ options }: FreshDatabase) =>
  new DataSource({
    ...options,
    entities: [LoadBalancer],
    migrations: [...migrations],
    logger: 'debug',
  }).initialize();

/** `signalbox migrate` in this process, with all that it printed: what TypeORM prints, too. */
async function runMigrate(database: FreshDatabase): Promise<{ code: number; printed: string }> {
  let printed = '';
  const print = (text: unknown): void => void (printed += String(text));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => (print(text), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => (print(text), true));
  for (const method of ['log', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation(print);
  }
  const code = await run(['migrate', '--database', database.url]);
  vi.restoreAllMocks();
  return { code, printed };
}

eachDatabase((kind) => {
  test('the application is refused what `signalbox migrate` made, with what to do', async () => {
    await using database = await freshDatabase(kind);
    await expect(runMigrate(database)).resolves.toMatchObject({ code: 0 });
    const dataSource = await open(database);
    try {
      for (const migrateAgain of [
        () => migrate(dataSource),
        () => dataSource.runMigrations({ transaction: 'all' }),
      ]) {
        await expect(migrateAgain()).rejects.toMatchObject({
          name: 'ConfigurationError',
          code: 'DATABASE_MIGRATED_OTHERWISE',
          message: expect.stringMatching(
            /'migrations' does not list .*`signalbox migrate` made them.*without `\.\.\.migrations`/u,
          ) as string,
          cause: expect.objectContaining({ message: expect.stringContaining('exists') }) as Error,
        });
      }
    } finally {
      await dataSource.destroy();
    }
  });

  test('`signalbox migrate` is refused what the application made, in one line', async () => {
    await using database = await freshDatabase(kind);
    const dataSource = await open(database);
    try {
      await expect(migrate(dataSource)).resolves.toEqual(names);
      const { code, printed } = await runMigrate(database);
      expect(code).toBe(2);
      expect(printed).toMatch(
        /^signalbox: The signalbox tables are there, but .*here migrate\(dataSource\).* \[DATABASE_MIGRATED_OTHERWISE\]\n$/u,
      );
      await expect(migrate(dataSource), 'the way it was made goes on').resolves.toEqual([]);
    } finally {
      await dataSource.destroy();
    }
  });

  test('the list of the command can be handed to the application, as the page says', async () => {
    await using database = await freshDatabase(kind);
    await runMigrate(database);
    const dataSource = await open(database);
    try {
      await expect(migrate(dataSource)).rejects.toThrow('does not list');
      await dataSource.query(
        'INSERT INTO migrations (timestamp, name) SELECT timestamp, name FROM signalbox_migration',
      );
      await expect(migrate(dataSource)).resolves.toEqual([]);
    } finally {
      await dataSource.destroy();
    }
  });

  test('a database that is not migrated is refused with both ways', async () => {
    await using database = await freshDatabase(kind);
    const dataSource = await open(database);
    try {
      await expect(
        createSignalbox({
          dataSource,
          source: 'management-server',
          eventTypes: cloudStackEventTypes,
          resources: [LoadBalancer],
        }),
      ).rejects.toThrow(
        /migrate\(dataSource\) where the DataSource lists .*else `signalbox migrate`/u,
      );
    } finally {
      await dataSource.destroy();
    }
  });
});
