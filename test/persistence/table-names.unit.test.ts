import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ownTables, TableNames } from '../../src/persistence/tables/table-names.js';
import { migrations, migrationsFor } from '../../src/persistence/migrations/migrations.js';

const kinds = ['postgres', 'mysql'] as const;
const prefixes = fc.stringMatching(/^[a-z_][a-z0-9_]{0,31}$/);

test('every name that begins with signalbox_ in a statement of ours is one that is placed', () => {
  const names = new TableNames('postgres', { schema: 's', tablePrefix: 'moved_' });
  // Not tables: a prepared statement's name, aliases of columns, a portal, settings, and the default prefix.
  const others =
    /signalbox_(\$\{|planner|uuid|state|revision|stateSince|lifecycleVersion|account|domain|project|')/g;
  const left = [...sources('src/persistence'), ...sources('src/server/store')].flatMap((file) => {
    const text = readFileSync(file, 'utf8')
      // Comments and messages to users.
      .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      .replaceAll(others, '');
    return [...names.resolve(text).matchAll(/.{0,30}signalbox_.{0,30}/g)].map(
      ([found]) => `${file}: ${found}`,
    );
  });
  expect(left.filter((each) => !/table-names\.ts|wake-channel\.ts/.test(each))).toEqual([]);
});

test('without a schema and a prefix no statement is changed', () => {
  const names = new TableNames('postgres', {});
  fc.assert(fc.property(fc.string(), (text) => names.resolve(text) === text));
});

test('identifiers of others are left alone: quoted, qualified, or longer', () => {
  fc.assert(
    fc.property(fc.constantFrom(...kinds), fc.constantFrom(...ownTables), (kind, table) => {
      const names = new TableNames(kind, { tablePrefix: 'moved_' });
      for (const text of [
        `"signalbox_${table}"`,
        `\`signalbox_${table}\``,
        `r.signalbox_${table}`,
        `my_signalbox_${table}`,
        `signalbox_${table}_of_mine`,
        `signalbox_${table}x`,
      ]) {
        expect(names.resolve(text)).toBe(text);
      }
      expect(names.resolve(`FROM signalbox_${table} x`)).toBe(`FROM moved_${table} x`);
    }),
  );
});

test('two placements have no name in common', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'B c', 'ü'), prefixes), {
        minLength: 2,
        maxLength: 2,
        selector: (each) => each.join('.'),
      }),
      (kind, places) => {
        const [one, other] = places.map(
          ([schema, tablePrefix]) =>
            new Set(
              ownTables.map((table) =>
                new TableNames(kind, { schema, tablePrefix }).resolve(`signalbox_${table}`),
              ),
            ),
        ) as [Set<string>, Set<string>];
        expect([...one].filter((name) => other.has(name))).toEqual([]);
      },
    ),
  );
});

test.each([
  ['a.b', 'postgres'],
  ['a"b', 'postgres'],
  ["a'b", 'postgres'],
  ['a`b', 'mysql'],
  ['a\\b', 'mysql'],
  ['a\0b', 'mysql'],
  ['', 'mysql'],
  ['x'.repeat(64), 'postgres'],
  ['main', 'sqlite'],
] as const)('the schema %j on %s is refused', (schema, kind) => {
  expect(() => new TableNames(kind, { schema })).toThrow(
    expect.objectContaining({ code: 'CONFIG_VALUE_INVALID', parameters: { key: 'schema' } }),
  );
});

test.each(['', 'A_', '1_', 'a-b', 'a b', 'a.b', 'a"', 'x'.repeat(33)])(
  'the prefix %j is refused',
  (tablePrefix) => {
    expect(() => new TableNames('sqlite', { tablePrefix })).toThrow(
      expect.objectContaining({ code: 'CONFIG_VALUE_INVALID', parameters: { key: 'tablePrefix' } }),
    );
  },
);

test('the migrations of several placements have names of their own, and the plain ones those they always had', () => {
  const namesFor = (placement: object) =>
    migrationsFor(placement).map((Migration) => new Migration().name);
  expect(namesFor({})).toEqual(migrations.map(({ name }) => name));
  const all = [{}, { tablePrefix: 'a_' }, { schema: 'a_' }, { schema: 'b', tablePrefix: 'a_' }]
    .flatMap(namesFor)
    .concat(namesFor({ schema: 'c' }));
  expect(new Set(all).size).toBe(all.length);
  expect(all.every((name) => /\d{13}$/.test(name ?? ''))).toBe(true);
});

function sources(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file));
}
