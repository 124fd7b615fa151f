import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { errorCodes } from '../../src/errors/codes.js';

const root = resolve(import.meta.dirname, '../..');

/** Every quoted word in capitals of the sources, apart from the table itself: what may be a code. */
function quotedCapitals(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const folder of ['src', 'machines']) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
    for (const name of files) {
      const file = join(root, folder, name);
      if (!name.endsWith('.ts') || file.endsWith('errors/codes.ts')) continue;
      for (const [, word] of readFileSync(file, 'utf8').matchAll(/['"`]([A-Z][A-Z_]{3,})['"`]/g)) {
        if (word !== undefined) found.add(word);
      }
    }
  }
  return found;
}

test('every code of the table is used', () => {
  const used = quotedCapitals();
  expect(Object.keys(errorCodes).filter((code) => !used.has(code))).toEqual([]);
});

test('every code is in capitals and says in whole sentences what to do', () => {
  for (const [code, remedy] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(remedy, code).toMatch(/^[A-Z].*\.$/);
  }
});
