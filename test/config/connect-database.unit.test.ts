import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectDatabase } from '../../src/config/connect-database.js';

test('a SQLite file that must be there is not created when it is not', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-connect-'));
  try {
    for (const file of [join(directory, 'typo.sqlite'), join(directory, 'no', 'such.sqlite')]) {
      await expect(connectDatabase(`sqlite:${file}`, { mustExist: true })).rejects.toMatchObject({
        code: 'DATABASE_NOT_MIGRATED',
        message: expect.stringContaining(file) as string,
      });
      expect(await readdir(directory)).toEqual([]);
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('a SQLite file is created, but not in a folder that does not exist, which is named', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-connect-'));
  try {
    const folder = join(directory, 'no', 'such');
    await expect(connectDatabase(`sqlite:${join(folder, 'x.sqlite')}`)).rejects.toMatchObject({
      code: 'CONFIG_VALUE_INVALID',
      message: expect.stringContaining(`There is no folder ${folder}.`) as string,
    });
    const below = `sqlite:${join(import.meta.filename, 'x.sqlite')}`;
    await expect(connectDatabase(below)).rejects.toMatchObject({ code: 'CONFIG_VALUE_INVALID' });
    expect(await readdir(directory)).toEqual([]);
    await (await connectDatabase(`sqlite:${join(directory, 'x.sqlite')}`)).destroy();
    expect(await readdir(directory)).toEqual(['x.sqlite']);
    await (await connectDatabase('sqlite::memory:')).destroy();
  } finally {
    await rm(directory, { recursive: true });
  }
});
