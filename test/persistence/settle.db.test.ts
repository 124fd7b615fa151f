import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { ConnectionLost } from '../../src/persistence/postgres/connection.js';
import { settle } from '../../src/persistence/postgres/settle.js';
import { freshDatabase, type FreshDatabase } from '../support/databases.js';

let database: FreshDatabase;
let dataSource: DataSource;

beforeEach(async () => {
  database = await freshDatabase('postgres');
  dataSource = await new DataSource({
    ...database.options,
    migrations: [...migrations],
  }).initialize();
  await dataSource.runMigrations();
});
afterEach(async () => {
  await dataSource.destroy();
  await database[Symbol.asyncDispose]();
});

/** Gives connections numbers that are not their server processes', as a pooler does. */
function numberAsPooler(): void {
  const { master } = dataSource.driver as unknown as {
    readonly master: {
      on(event: 'acquire', listener: (client: { processID: number }) => void): void;
    };
  };
  master.on('acquire', (client) => {
    client.processID = gone;
  });
}

// No server process has so high a number.
const gone = 2 ** 31 - 1;
const lost = new ConnectionLost(gone, new Error('cut'));

async function journal(id: string): Promise<void> {
  await dataSource.query(
    `INSERT INTO signalbox_journal (id, source, category, type, resource, uuid, revision, time, payload)
      VALUES ($1, 's', 'ResourceStateEvent', 'Go', 'Pump', $2, 2, now(), '{}')`,
    [id, randomUUID()],
  );
}

describe('a statement whose connection broke', () => {
  test('has committed nothing when its server process is gone and the journal has nothing', async () => {
    expect(await settle(dataSource, lost, [randomUUID()])).toEqual([]);
  });

  test('has committed what the journal has, behind a pooler too', async () => {
    numberAsPooler();
    const id = randomUUID();
    await journal(id);
    expect(await settle(dataSource, lost, [id])).toEqual([{ id, payload: '{}' }]);
  });

  test('may still commit behind a pooler, which does not tell its server process', async () => {
    numberAsPooler();
    await expect(settle(dataSource, lost, [randomUUID()])).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
  });
});
