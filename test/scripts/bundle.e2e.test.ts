import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { crashMatrix as CrashMatrix } from '../../src/testing/index.js';

const root = resolve(import.meta.dirname, '../..');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, { types: string; default: string } | string>;
};
const entries = Object.entries(exports).flatMap(([name, files]) =>
  typeof files === 'string'
    ? []
    : [
        {
          name,
          bundled: join(root, files.default),
          compiled: join(root, files.types.replace('dist/types', 'build').replace('.d.ts', '.js')),
        },
      ],
);

/** Files and packages that are loaded before a module runs. */
function loaded(file: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set([file]);
  const packages = new Set<string>();
  for (const path of files) {
    const statements = readFileSync(path, 'utf8').matchAll(
      /^(?:import|export)(?: [^'"`;()]*? from)? ["']([^"']+)["'];$/gm,
    );
    for (const [, name = ''] of statements) {
      if (name.startsWith('.')) files.add(join(dirname(path), name));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  }
  return { files, packages };
}

describe.each(entries)('$name', ({ bundled, compiled }) => {
  it('loads the packages that its modules need and no heavier ones', () => {
    const needed = loaded(compiled).packages;
    // What leads to TypeORM is in one file, and a part of it needs uuid.
    const expected = needed.has('typeorm') ? new Set([...needed, 'uuid']) : needed;
    const found = loaded(bundled).packages;
    expect([...needed].filter((name) => !found.has(name))).toEqual([]);
    expect([...found].filter((name) => !expected.has(name))).toEqual([]);
  });

  it('exports what its module exports, under the names they are declared with', async () => {
    const names = async (file: string): Promise<Record<string, unknown>> =>
      Object.fromEntries(
        Object.entries((await import(file)) as Record<string, unknown>).map(([name, value]) => [
          name,
          typeof value === 'function' ? value.name : typeof value,
        ]),
      );
    expect(await names(bundled)).toEqual(await names(compiled));
  });
});

it('the package is loaded from a few files', () => {
  const index = join(root, 'dist/index.js');
  expect(loaded(index).packages).toContain('typeorm');
  expect(loaded(index).files.size).toBeLessThan(10);
});

it('no module is in two files, so that a class is one class from whichever entry point it comes', () => {
  const modules = readdirSync(join(root, 'dist'))
    .filter((file) => file.endsWith('.js'))
    .flatMap((file) => readFileSync(join(root, 'dist', file), 'utf8').match(/^\/\/ build\/.*$/gm))
    .filter((module) => module !== null);
  expect(modules.length).toBeGreaterThan(300);
  expect(modules).toHaveLength(new Set(modules).size);
});

it('declarations refer to none that is left out', () => {
  const types = join(root, 'dist/types');
  for (const file of readdirSync(types, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.d.ts')) continue;
    const path = join(types, file);
    const imports =
      /^(?:import|export)\b.* from ["'](\.[^"']*)\.js["'];$|import\("(\.[^"]*)\.js"\)/gm;
    for (const [, name, inline] of readFileSync(path, 'utf8').matchAll(imports)) {
      expect(() => readFileSync(join(dirname(path), `${name ?? inline}.d.ts`)), path).not.toThrow();
    }
  }
});

it('the crash kit finds its child process', async () => {
  const { crashMatrix } = (await import(join(root, 'dist/testing.js'))) as {
    crashMatrix: typeof CrashMatrix;
  };
  const scenario = new URL('data:text/javascript,export const scenario = () => {};');
  const report = await crashMatrix({ scenario, prepare: () => undefined, check: () => {} });
  expect(report.crashes).toMatchObject([{ point: 'end' }]);
});
