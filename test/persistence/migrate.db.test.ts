import { DataSource } from 'typeorm';
import { expect, test, vi } from 'vitest';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { freshDatabase } from '../support/databases.js';

/** A PostgreSQL address whose connections begin with a setting. */
const withSetting = (url: string, setting: string): string =>
  `${url}?options=${encodeURIComponent(`-c ${setting}`)}`;

test('a user who may not create tables is refused with what to do', async () => {
  await using database = await freshDatabase('postgres');
  const dataSource = await new DataSource({
    type: 'postgres',
    // Any role that owns nothing; the server has it.
    url: withSetting(database.url, 'role=pg_monitor'),
    migrations: [...migrations],
  }).initialize();
  try {
    await expect(migrate(dataSource)).rejects.toMatchObject({
      name: 'ConfigurationError',
      code: 'DATABASE_CREDENTIALS_REFUSED',
      message: expect.stringMatching(/may not create or change tables/u) as string,
      cause: expect.objectContaining({ code: '42501' }) as Error,
    });
  } finally {
    await dataSource.destroy();
  }
});

test('a database that is read only is told with a code', async () => {
  await using database = await freshDatabase('postgres');
  const url = withSetting(database.url, 'default_transaction_read_only=on');
  const dataSource = await new DataSource({
    type: 'postgres',
    url,
    migrations: [...migrations],
  }).initialize();
  try {
    await expect(migrate(dataSource)).rejects.toMatchObject({
      name: 'UnavailableError',
      code: 'DATABASE_READ_ONLY',
      message: expect.stringMatching(/read only \(25006\)/u) as string,
    });
  } finally {
    await dataSource.destroy();
  }
});

test('a statement that is refused is told with the code of the driver, and a mistake in a migration as it is', async () => {
  await using database = await freshDatabase('sqlite');
  const dataSource = await new DataSource({
    ...database.options,
    migrations: [...migrations],
  }).initialize();
  try {
    await dataSource.query('PRAGMA query_only = ON');
    await expect(migrate(dataSource)).rejects.toMatchObject({
      message: expect.stringMatching(/read only \(SQLITE_READONLY\)/u) as string,
    });
    await dataSource.query('PRAGMA query_only = OFF');
    await dataSource.query('CREATE VIEW signalbox_journal AS SELECT 1 AS position');
    await expect(migrate(dataSource)).rejects.toMatchObject({
      code: 'DATABASE_ERROR',
      message: expect.stringMatching(/\(SQLITE_ERROR\)/u) as string,
    });
    const mistake = new TypeError('no function');
    vi.spyOn(dataSource, 'runMigrations').mockRejectedValue(mistake);
    await expect(migrate(dataSource)).rejects.toBe(mistake);
  } finally {
    await dataSource.destroy();
  }
});
