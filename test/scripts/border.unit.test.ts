import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const directory = mkdtempSync(join(tmpdir(), 'signalbox-lint-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** One planted fault a file, with the rule that must find it. */
const planted: readonly (readonly [file: string, code: string, rule: string])[] = [
  ['src/core/lifecycle/io.ts', `export { readFile } from 'node:fs';`, 'no-restricted-imports'],
  ['src/core/lifecycle/orm.ts', `export { DataSource } from 'typeorm';`, 'no-restricted-imports'],
  [
    'src/core/lifecycle/up.ts',
    `export { x } from '../../persistence/x.js';`,
    'no-restricted-imports',
  ],
  ['src/core/lifecycle/new.ts', `export { x } from '../unheard-of/x.js';`, 'no-restricted-imports'],
  ['src/core/lifecycle/step.ts', `export { setup } from 'xstate';`, 'no-restricted-imports'],
  [
    'src/core/lifecycle/clock.ts',
    `export const now = () => Date.now();`,
    'no-restricted-properties',
  ],
  ['src/core/events/timer.ts', `export const t = setTimeout;`, 'no-restricted-globals'],
  [
    'src/core/events/up.ts',
    `export { x } from '../../delivery/bus/x.js';`,
    'no-restricted-imports',
  ],
  ['src/core/json/up.ts', `export { x } from '../events/x.js';`, 'no-restricted-imports'],
  ['src/core/errors/io.ts', `export { connect } from 'amqplib';`, 'no-restricted-imports'],
  [
    'src/delivery/formats/up.ts',
    `export { x } from '../../persistence/x.js';`,
    'no-restricted-imports',
  ],
  [
    'src/delivery/amqp/store.ts',
    `export { x } from '../../persistence/x.js';`,
    'no-restricted-imports',
  ],
  ['src/persistence/up.ts', `export { x } from '../delivery/bus/x.js';`, 'no-restricted-imports'],
  ['src/tools/trace/up.ts', `export { x } from '../../persistence/x.js';`, 'no-restricted-imports'],
  ['src/tools/trace/io.ts', `export { readFile } from 'node:fs';`, 'no-restricted-imports'],
  ['src/tools/catalog/up.ts', `export { x } from '../../cli/x.js';`, 'no-restricted-imports'],
  [
    'src/tools/catalog/clock.ts',
    `export const now = () => Date.now();`,
    'no-restricted-properties',
  ],
  ['src/consuming/up.ts', `export { x } from '../delivery/amqp/x.js';`, 'no-restricted-imports'],
  ['src/operations/up.ts', `export { x } from '../signalbox/x.js';`, 'no-restricted-imports'],
  ['src/outside/up.ts', `export { x } from '../persistence/x.js';`, 'no-restricted-imports'],
  ['src/testing/up.ts', `export { x } from '../persistence/x.js';`, 'no-restricted-imports'],
  ['src/context/up.ts', `export { x } from '../delivery/bus/x.js';`, 'no-restricted-imports'],
  ['src/signalbox/up.ts', `export { x } from '../cli/x.js';`, 'no-restricted-imports'],
  ['src/delivery/relay/up.ts', `export { x } from '../../cli/x.js';`, 'no-restricted-imports'],
  [
    'src/tools/diagram/db.ts',
    `export { x } from '../../persistence/x.js';`,
    'no-restricted-imports',
  ],
  ['machines/io.ts', `export { readFile } from 'node:fs';`, 'no-restricted-imports'],
  ['machines/up.ts', `export { x } from '../src/persistence/x.js';`, 'no-restricted-imports'],
  ['machines/default.ts', `export default 1;`, 'no-default-export'],
  ['src/persistence/default.ts', `export default 1;`, 'no-default-export'],
  ['src/persistence/any.ts', `export const x: any = 1;`, 'no-explicit-any'],
  ['src/persistence/say.ts', `console.log('x');`, 'no-console'],
  ['src/persistence/a.ts', `import { b } from './b.js';\nexport const a = () => b;`, 'no-cycle'],
  ['src/persistence/b.ts', `import { a } from './a.js';\nexport const b = () => a;`, 'no-cycle'],
  ['src/persistence/float.ts', `Promise.resolve(1);`, 'no-floating-promises'],
  ['src/persistence/misuse.ts', `[1].forEach(async () => {});`, 'no-misused-promises'],
];

/** What the layers need, and the linter must let pass. */
const lawful: readonly (readonly [file: string, code: string])[] = [
  ['src/core/lifecycle/compile.ts', `export { setup } from 'xstate';`],
  ['src/core/lifecycle/down.ts', `export { x } from '../errors/x.js';`],
  ['src/delivery/amqp/down.ts', `export { x } from '../../core/events/x.js';`],
  ['src/persistence/down.ts', `export { x } from '../core/lifecycle/x.js';`],
  ['src/tools/trace/down.ts', `export { x } from '../../core/planning/x.js';`],
  ['src/delivery/relay/down.ts', `export { x } from '../../core/stores/x.js';`],
  ['machines/down.ts', `export { x } from '../src/core/lifecycle/x.js';`],
  ['src/cli/say.ts', `console.log('x');`],
];

test('the linter knows every group of sources', () => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  // `cli` and `config` may import everything.
  const rules = readFileSync(join(root, '.oxlintrc.json'), 'utf8');
  const unknown = folders.filter(
    (folder) =>
      (folder !== 'core' && !rules.includes(`"**/${folder}/**"`)) ||
      (folder !== 'cli' && folder !== 'config' && !rules.includes(`"src/${folder}/**"`)),
  );
  expect(unknown).toEqual([]);
});

test('the linter finds every planted fault, and nothing in lawful code', () => {
  for (const name of ['.oxlintrc.json', 'tsconfig.json']) {
    cpSync(join(root, name), join(directory, name));
  }
  // The linter finds its type checker there.
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  for (const [file, code] of [...planted, ...lawful]) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), `${code}\n`);
  }
  const { stdout } = spawnSync(
    join(root, 'node_modules/.bin/oxlint'),
    ['--type-aware', '--format=unix', 'src', 'machines'],
    { cwd: directory, encoding: 'utf8' },
  );
  const found = stdout.split('\n').filter((line) => /^(src|machines)\//.test(line));
  for (const [file, , rule] of planted) {
    expect(found, `${file} breaks ${rule}`).toContainEqual(
      expect.stringMatching(new RegExp(`^${file}:.*\\(${rule}\\)`)),
    );
  }
  for (const [file] of lawful) expect(found.filter((line) => line.startsWith(file))).toEqual([]);
});
