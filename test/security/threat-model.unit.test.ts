import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const page = read('docs/security.md');

/** Each test that the page names, with its file. */
const named = page.split('\n').flatMap((line) => {
  const [, file, names] = /`((?:test|examples)\/\S+\.test\.ts)`(?:: (.*))?/.exec(line) ?? [];
  if (file === undefined) return [];
  const quoted = [...(names ?? '').matchAll(/"([^"]+)"/g)].map(([, name]) => name as string);
  return (quoted.length === 0 ? [''] : quoted).map((name) => [file, name] as const);
});

describe('the threat model', () => {
  test.each(named)('names what exists: %s "%s"', (file, name) => {
    // Quotes are as they were typed, or escaped.
    expect(read(file).replaceAll('\\', '')).toContain(name);
  });

  test('has a test for every threat', () => {
    const sections = page.split(/^## /m).filter((section) => section.includes('**Threat.**'));
    expect(sections.length).toBeGreaterThan(5);
    for (const section of sections)
      expect(section, section.split('\n')[0]).toMatch(
        /\*\*Shown by\.\*\*\s[^]*`(?:test|examples)\/\S+`/,
      );
  });
});
