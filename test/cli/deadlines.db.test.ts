import { v4 } from 'uuid';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { openStore } from '../../src/persistence/open-store.js';
import { connectDatabase } from '../../src/config/connect-database.js';
import { commandLine } from '../support/command-line-source.js';
import { freshDatabase, type FreshDatabase } from '../support/databases.js';
import { stateEvent } from '../persistence/relay-tables.js';

let database: FreshDatabase;
beforeEach(async () => {
  database = await freshDatabase('sqlite');
  const dataSource = await connectDatabase(database.url, { migrations: [...migrations] });
  await migrate(dataSource);
  await openStore(dataSource).append([stateEvent(machine, 4)]);
  await dataSource.destroy();
});
afterEach(async () => {
  await database.dispose();
});

const machine = v4();

const deadlines = (...args: string[]): Promise<string> =>
  commandLine('deadlines', ...args, '--database', database.url);

test('a deadline is armed by hand at the last revision, listed, armed anew and cancelled', async () => {
  expect(await deadlines('list')).toBe('0 none is armed\n');
  expect(await deadlines('arm', 'VirtualMachine', machine, 'Starting/60000')).toBe(
    `0 Starting/60000 of VirtualMachine ${machine} is due in 1 min\n`,
  );
  expect(await deadlines('list')).toMatch(/Starting\/60000 at revision 4, due in 1 min\n$/u);
  await deadlines('arm', 'VirtualMachine', machine, 'Starting/60000', '--in', '2h');
  await deadlines('arm', 'VirtualMachine', machine, 'Other/1', '--revision', '7');
  const rows = (await deadlines('list', '--resource', 'VirtualMachine', '--json'))
    .slice(2)
    .trim()
    .split('\n');
  expect(rows).toHaveLength(2);
  expect(JSON.parse(String(rows[0]))).toMatchObject({ uuid: machine, missing: false });
  expect(await deadlines('list', '--uuid', v4())).toBe('0 none is armed\n');
  expect(await deadlines('cancel', 'VirtualMachine', machine, 'Other/1')).toBe('0 1 cancelled\n');
  expect(await deadlines('cancel', '--missing')).toBe('0 0 cancelled\n');
  expect(await deadlines('cancel', 'VirtualMachine', machine)).toBe('0 1 cancelled\n');
});

test('what cannot be armed or cancelled is refused with what to do', async () => {
  expect(await deadlines('arm', 'VirtualMachine', machine, 'Starting')).toMatch(
    /^2 .*is no deadline/su,
  );
  expect(await deadlines('arm', 'VirtualMachine', v4(), 'Starting/1')).toMatch(/^2 .*--revision/su);
  expect(await deadlines('cancel')).toMatch(/^2 .*--missing/su);
});
