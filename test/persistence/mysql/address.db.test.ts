import { cloudStackEventTypes } from '../../../machines/index.js';
import { DataSource } from 'typeorm';
import { expect, test } from 'vitest';
import { createRelay } from '../../../src/signalbox/create-relay.js';
import { createSignalbox } from '../../../src/signalbox/create-signalbox.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { migrations } from '../../../src/persistence/migrations/migrations.js';
import { freshDatabase } from '../../support/databases.js';

test.each([
  ['an address', (url: string) => ({ url: `${url}?ssl={"rejectUnauthorized":true}` }), 'ssl'],
  ['an address', (url: string) => ({ url: `${url}?charset=utf8mb4` }), 'charset'],
  [
    'the address of a replica',
    (url: string) => ({ replication: { master: { url }, slaves: [{ url: `${url}?ssl-ca=x` }] } }),
    'ssl-ca',
  ],
] as const)('a parameter of %s that TypeORM drops is refused by name', async (_, at, parameter) => {
  await using database = await freshDatabase('mariadb');
  const dataSource = await new DataSource({
    type: 'mariadb',
    migrations: [...migrations],
    ...at(database.url.replace(/^mysql/, 'mariadb')),
  }).initialize();
  try {
    await dataSource.runMigrations();
    const refused = { code: 'CONFIG_VALUE_INVALID', parameters: { parameter } };
    await expect(
      createSignalbox({
        dataSource,
        source: 'management-server',
        eventTypes: cloudStackEventTypes,
        resources: [],
      }),
    ).rejects.toMatchObject(refused);
    expect(() => createRelay({ dataSource, bus: memoryBus() })).toThrow(
      expect.objectContaining({ code: 'CONFIG_VALUE_INVALID' }),
    );
  } finally {
    await dataSource.destroy();
  }
});
