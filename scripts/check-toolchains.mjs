// Runs the packed tarball under other people's tools: the quick start through each bundler, and a test under
// Jest in CommonJS as Nest's command line sets it up.
//
//   node scripts/check-toolchains.mjs <tarball>
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [tarball] = process.argv.slice(2);
if (tarball === undefined) {
  console.error('Usage: node scripts/check-toolchains.mjs <tarball>');
  process.exit(2);
}
const root = resolve(import.meta.dirname, '..');
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const expected = readFileSync(join(root, 'examples/quick-start/output.txt'), 'utf8');
const directory = mkdtempSync(join(realpathSync(tmpdir()), 'signalbox-toolchains-'));
const externals = '--external:typeorm --external:better-sqlite3';

/** How each tool makes one file of the program, and that file. */
const bundlers = {
  'esbuild, CommonJS': [
    `esbuild app.ts --bundle --platform=node --format=cjs ${externals} --outfile=out/esbuild.cjs --log-level=error`,
    'out/esbuild.cjs',
  ],
  'esbuild, ES modules': [
    `esbuild app.ts --bundle --platform=node --format=esm ${externals} --outfile=out/esbuild.mjs --log-level=error --banner:js="import{createRequire}from'node:module';const require=createRequire(import.meta.url);"`,
    'out/esbuild.mjs',
  ],
  webpack: ['webpack --stats=errors-only', 'out/webpack.cjs'],
  'Vite, SSR': ['vite build --logLevel=error --emptyOutDir=false', 'out/vite.mjs'],
  tsup: ['tsup app.ts --format cjs --out-dir out/tsup --no-config --silent', 'out/tsup/app.js'],
  SWC: ['swc app.ts -o out/swc.cjs', 'out/swc.cjs'],
};

function run(command, stdio = ['ignore', 'ignore', 'inherit']) {
  return execFileSync('bash', ['-c', command], {
    cwd: directory,
    encoding: 'utf8',
    stdio,
    env: { ...process.env, PATH: `${join(directory, 'node_modules/.bin')}:${process.env.PATH}` },
  });
}

const viteConfiguration = `export default {
  build: { ssr: 'app.ts', outDir: 'out', rollupOptions: { output: { entryFileNames: 'vite.mjs' } } },
  ssr: { noExternal: ['signalbox', 'xstate'] },
};
`;

let failed = 0;
function check(name, work) {
  try {
    work();
    console.log(`${name}: ok`);
  } catch (error) {
    failed += 1;
    console.error(`${name}: ${error.message}`);
  }
}

try {
  cpSync(join(root, 'scripts/toolchains'), directory, { recursive: true });
  cpSync(join(root, 'examples/quick-start/app.ts'), join(directory, 'app.ts'));
  writeFileSync(join(directory, 'vite.config.mjs'), viteConfiguration);
  const peers = ['typeorm', 'xstate', 'reflect-metadata'].map(
    (it) => `${it}@${devDependencies[it]}`,
  );
  run(
    `npm install --no-save --no-audit --no-fund --prefer-offline ${resolve(tarball)} ${peers.join(' ')}`,
  );
  // Compiled once for this repository: compiling it again takes minutes.
  for (const name of ['better-sqlite3', 'bindings', 'file-uri-to-path']) {
    const from = join(root, 'node_modules', name);
    cpSync(from, join(directory, 'node_modules', name), { recursive: true });
  }
  // Also the declarations: with exactOptionalPropertyTypes and decorator metadata.
  check('tsc', () => run('tsc', 'inherit'));
  for (const [name, [command, file]] of Object.entries(bundlers)) {
    check(name, () => {
      run(command);
      const printed = run(`node ${file}`, ['ignore', 'pipe', 'inherit']);
      if (printed !== expected) throw new Error(`printed\n${printed}`);
    });
  }
  check('Jest with ts-jest, CommonJS', () => run('jest --config jest.config.json', 'inherit'));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;
