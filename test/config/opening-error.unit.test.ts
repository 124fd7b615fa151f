import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { openingError } from '../../src/config/opening-error.js';

/** What better-sqlite3 throws with this file as its native binding. */
function thrownWith(nativeBinding: string): unknown {
  try {
    new Database(':memory:', { nativeBinding }).close();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('a native binding that is missing, broken or of another Node.js is told as such', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-binding-'));
  try {
    const broken = join(folder, 'broken.node');
    await writeFile(broken, 'no library');
    const errors = [
      thrownWith(join(folder, 'none.node')),
      thrownWith(broken),
      new Error('Could not locate the bindings file. Tried:\n → build/better_sqlite3.node'),
      new Error('The module was compiled against a different Node.js version using\nNODE_MODULE_VERSION 115.'),
    ]; // prettier-ignore
    for (const error of errors) {
      const told = openingError(error, 'sqlite:x');
      expect(told, String(error)).toMatchObject({
        code: 'DRIVER_MISSING',
        retryable: false,
        message: expect.stringMatching(/native binding of better-sqlite3.*npm rebuild/) as string,
        cause: error,
      });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
