import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** As GitHub makes them. */
function anchors(page: string): readonly string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(pages)('%s', (page) => {
  const text = read(page);

  test('every relative link leads somewhere', () => {
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page : join(dirname(page), path);
        if (!existsSync(join(root, file))) return true;
        return anchor !== undefined && !anchors(read(file)).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  test('every test it quotes exists under that name', () => {
    const missing = text.split('\n').flatMap((line) =>
      [...line.matchAll(/`((?:test|src)\/[^`]+\.ts)`:((?: "[^"]+",?)+)/g)].flatMap(
        ([, file = '', quoted = '']) => {
          const source = existsSync(join(root, file)) ? read(file).replaceAll("\\'", "'") : '';
          return [...quoted.matchAll(/"([^"]+)"/g)]
            .map(([, name = '']) => name)
            .filter((name) => !source.includes(name))
            .map((name) => `${file}: ${name}`);
        },
      ),
    );
    expect(missing).toEqual([]);
  });
});
