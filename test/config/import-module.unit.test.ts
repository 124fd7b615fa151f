import {
  access,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createJiti, type TransformOptions } from 'jiti';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { importModule } from '../../src/config/import-module.js';
import { loadConfiguration } from '../../src/config/load-configuration.js';
import { loadFormats } from '../../src/config/load-formats.js';
import { loadLifecycle } from '../../src/cli/load-lifecycle.js';

const packages = resolve(import.meta.dirname, '../../node_modules');

const plain = `
  export enum Size { small = 's' }
  export class Door { name!: string; constructor(readonly size: Size) {} }
  export default { source: 'cloud-1' };
`;
const decorated = `
  import ${JSON.stringify(join(packages, 'reflect-metadata'))};
  const types: unknown[] = [];
  const Column = (): PropertyDecorator => (door, key) => {
    types.push([key, (Reflect as any).getMetadata('design:type', door, key).name]);
  };
  class Door {
    @Column() name!: string;
  }
  export default types;
`;

// Outside the project, so that its own compiler is not found.
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-import-'));
  await write('plain.ts', plain);
  await write('decorated.ts', decorated);
  await write('entry.ts', "export { default } from './decorated.ts';");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), text);
}

/** As the package of TypeScript 7 is: a module whose entry tells its version and nothing else. */
async function installTypeScript7(): Promise<void> {
  const manifest = {
    name: 'typescript',
    version: '7.0.2',
    type: 'module',
    exports: { './package.json': './package.json', '.': './lib/version.cjs' },
  };
  await write('node_modules/typescript/package.json', JSON.stringify(manifest));
  await write(
    'node_modules/typescript/lib/version.cjs',
    `const { version } = require('../package.json');
     exports.version = version;
     exports.versionMajorMinor = '7.0';`,
  );
}

const install = async (name: string): Promise<void> => {
  await mkdir(dirname(join(folder, 'node_modules', name)), { recursive: true });
  await symlink(join(packages, 'typescript'), join(folder, 'node_modules', name));
};

const read = (name: string) => importModule(join(folder, name));

const nothing = async (): Promise<void> => {};

describe.each([
  ['without TypeScript', nothing, /none is installed beside it\. Install `typescript@6`/u],
  [
    'beside TypeScript 7',
    installTypeScript7,
    /TypeScript 7\.0\.2 beside it has no API .*`@typescript\/typescript6`.*`typescript@6`/u,
  ],
] as const)('%s', (_, prepare, remedy) => {
  beforeEach(prepare);

  test('a file of TypeScript is read', async () => {
    const { Door, Size } = (await read('plain.ts')) as {
      Door: new (size: unknown) => unknown;
      Size: unknown;
    };
    expect(Size).toEqual({ small: 's' });
    expect(new Door('s')).toMatchObject({ size: 's' });
    await expect(
      loadConfiguration({ directory: folder, file: 'plain.ts', environment: {} }),
    ).resolves.toEqual({ source: 'cloud-1' });
  });

  test.each(['decorated.ts', 'entry.ts'])(
    'a decorated field is refused by its place and what to install: %s',
    async (name) => {
      const message = /decorated\.ts:8 decorates 'name', which takes .* or give the compiled \.js/u;
      for (const [code, refusal] of [
        ['ARGUMENT_INVALID', () => read(name)],
        ['ARGUMENT_INVALID', () => loadLifecycle(join(folder, name))],
        ['CONFIG_VALUE_INVALID', () => loadFormats([join(folder, name)])],
        ['CONFIG_FILE_INVALID', () => loadConfiguration({ directory: folder, file: name })],
      ] as const) {
        const error: unknown = await refusal().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
        expect((error as Error).message).toMatch(remedy);
        expect((error as Error).message).toMatch(/[^.]\.$/u);
      }
    },
  );

  test('what is no program is refused by its line', async () => {
    await write('syntax.ts', '\nexport const door = {;');
    await expect(read('syntax.ts')).rejects.toThrow(/syntax\.ts:2/u);
  });
});

describe('what another user of the machine can plant is not run', () => {
  const marker = () => join(folder, 'planted');
  const planted = () => `require('node:fs').writeFileSync(${JSON.stringify(marker())}, '');`;

  test('a file below the folder for temporary files', async () => {
    const { TMPDIR } = process.env;
    const temporary = join(folder, 'tmp');
    // As a run would have left it there that keeps a cache, and as anybody may write it.
    process.env['TMPDIR'] = temporary;
    try {
      await mkdir(join(temporary, 'jiti'), { recursive: true });
      for (const name of ['plain.ts', 'plain.js', 'awaits.mts']) {
        await write(name, name.endsWith('.ts') ? plain : 'export default { source: "cloud-1" };');
        const caching = createJiti(import.meta.url, { fsCache: true });
        const transform = (options: TransformOptions) => ({ code: caching.transform(options) });
        await createJiti(import.meta.url, { fsCache: false, moduleCache: false, transform }).import(
          join(folder, name),
        );
      }
      const left = await readdir(join(temporary, 'jiti'));
      expect(left.length).toBeGreaterThan(0);
      for (const file of left) {
        const path = join(temporary, 'jiti', file);
        const text = await readFile(path, 'utf8');
        // The comment at its end is all that such a cache asks for.
        await writeFile(path, `${planted()}\n${text}`);
      }
      for (const name of ['plain.ts', 'plain.js', 'awaits.mts']) {
        await expect(read(name)).resolves.toMatchObject({ default: { source: 'cloud-1' } });
      }
      expect(await readdir(join(temporary, 'jiti'))).toHaveLength(left.length);
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
    }
    await expect(access(marker())).rejects.toThrow();
  });

  const plantCompiler = async (where: string): Promise<void> => {
    for (const name of ['typescript', '@typescript/typescript6']) {
      await write(join(where, 'node_modules', name, 'index.js'), planted());
    }
  };

  test('a compiler of a folder around the project, whatever the folder says of itself', async () => {
    await plantCompiler('.');
    await write('package.json', '{}');
    await write('project/package.json', '{}');
    await write('project/config.ts', plain);
    await write('project/config.mjs', 'export default { source: "cloud-1" };');
    for (const name of ['project/config.ts', 'project/config.mjs']) await read(name);
    await expect(access(marker())).rejects.toThrow();
  });

  test('a compiler of a workspace in a folder that others may write to', async () => {
    await plantCompiler('.');
    await write('package.json', '{ "workspaces": ["*"] }');
    await write('project/package.json', '{}');
    await write('project/config.ts', plain);
    await chmod(folder, 0o777);
    await read('project/config.ts');
    await write('alone/config.ts', plain);
    await read('alone/config.ts');
    await write('config.ts', plain);
    await read('config.ts');
    await expect(access(marker())).rejects.toThrow();
  });

  test('any compiler, for a file that needs none', async () => {
    await plantCompiler('.');
    await write('config.mjs', 'export default { source: "cloud-1" };');
    await read('config.mjs');
    await expect(access(marker())).rejects.toThrow();
  });
});

test('the compiler of a workspace serves its packages', async () => {
  await install('typescript');
  await write('package.json', '{ "workspaces": ["packages/*"] }');
  await write('packages/door/package.json', '{}');
  await write('packages/door/src/decorated.ts', decorated);
  await expect(read('packages/door/src/decorated.ts')).resolves.toMatchObject({
    default: [['name', 'String']],
  });
});

describe('a decorated field is compiled with its type', () => {
  const types = [['name', 'String']];

  test.each(['typescript', '@typescript/typescript6'])('by %s', async (name) => {
    await install(name);
    await expect(read('entry.ts')).resolves.toMatchObject({ default: types });
  });

  test('by TypeScript 6 beside TypeScript 7', async () => {
    await installTypeScript7();
    await install('@typescript/typescript6');
    await expect(read('decorated.ts')).resolves.toMatchObject({ default: types });
  });

  test('also where it was refused before, for want of a compiler', async () => {
    await expect(read('decorated.ts')).rejects.toThrow('decorates');
    await install('typescript');
    await expect(read('decorated.ts')).resolves.toMatchObject({ default: types });
  });
});
