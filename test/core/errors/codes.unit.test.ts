import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { errorCodes, type ErrorCode } from '../../../src/core/errors/codes.js';

const root = resolve(import.meta.dirname, '../../..');

/** What may throw: every source, apart from the table itself. */
function sources(): readonly (readonly [file: string, text: string])[] {
  return ['src', 'machines'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((file) => file.endsWith('.ts') && file !== 'src/core/errors/codes.ts')
      .map((file) => [file, readFileSync(join(root, file), 'utf8')] as const),
  );
}

/** Every quoted word in capitals: what may be a code. */
function quotedCapitals(): ReadonlySet<string> {
  return new Set(
    sources().flatMap(([, text]) =>
      [...text.matchAll(/['"`]([A-Z][A-Z_]{3,})['"`]/g)].map(([, word = '']) => word),
    ),
  );
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

/** Which class the sources make with which code, where both are written at one place. */
function made(): readonly { readonly code: ErrorCode; readonly of: string; readonly at: string }[] {
  const construction = /(?:new (\w+Error)|\b(RefusedError)\.of)\(\s*'([A-Z][A-Z_]+)'/g;
  return sources().flatMap(([at, text]) =>
    [...text.matchAll(construction)]
      // A typed error of a service has a code of its own.
      .filter(([, name]) => name !== 'ServiceError')
      .map(([, name, refused, code]) => ({
        code: code as ErrorCode,
        of: name ?? refused ?? '',
        at,
      })),
  );
}

/** The class in the heading that a code is below. */
function headings(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let heading = '';
  for (const line of readFileSync(join(root, 'src/core/errors/codes.ts'), 'utf8').split('\n')) {
    heading = /^ {2}\/\/ .+: (\w+)/.exec(line)?.[1] ?? heading;
    const code = /^ {2}([A-Z][A-Z_]+):/.exec(line)?.[1];
    if (code !== undefined) found.set(code, heading);
  }
  return found;
}

test('every code is carried by the class that the table has it under, or that its text names', () => {
  const classes = headings();
  const all = made();
  expect(all.length).toBeGreaterThan(100);
  expect(
    all.filter(({ code, of }) => classes.get(code) !== of && !errorCodes[code].includes(of)),
  ).toEqual([]);
});
