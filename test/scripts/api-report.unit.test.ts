import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const folder = new URL('../../api/', import.meta.url);
const exported =
  /^export (?:declare |abstract )*(?:function|class|interface|type|const|let|enum) (\w+)/gm;

/** The names of each entry point, by the reports in `api/`. */
const surface = new Map(
  readdirSync(folder).map((file) => {
    const report = readFileSync(new URL(file, folder), 'utf8');
    const names = new Set([...report.matchAll(exported)].map(([, name]) => name));
    return [file.replace('.api.md', ''), names] as const;
  }),
);

describe('the public API', () => {
  test('has at most 100 names in the root', () => {
    expect(surface.get('signalbox')?.size).toBeLessThanOrEqual(100);
  });

  test('does not grow', () => {
    const { length } = [...surface]
      .filter(([entry]) => entry !== 'server')
      .flatMap(([, names]) => [...names]);
    expect(length).toBeLessThanOrEqual(500);
  });

  test('has one home for each name', () => {
    const homes = [...surface]
      .filter(([entry]) => entry !== 'server')
      .flatMap(([, names]) => [...names]);
    expect(homes.filter((name, index) => homes.indexOf(name) !== index)).toEqual([]);
  });
});
