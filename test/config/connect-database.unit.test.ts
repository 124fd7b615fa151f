import { access, mkdtemp, rm } from 'node:fs/promises';
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
      await expect(access(file)).rejects.toThrow();
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});
