// Installs the packed tarball in a project of its own, as a user does, without any database driver;
// compiles a program against it, imports every subpath, and runs the command.
//
//   node scripts/check-outside-project.mjs <tarball>
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [tarball] = process.argv.slice(2);
if (tarball === undefined) {
  console.error('Usage: node scripts/check-outside-project.mjs <tarball>');
  process.exit(2);
}
const root = resolve(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const directory = mkdtempSync(join(realpathSync(tmpdir()), 'signalbox-outside-'));

function run(command, ...args) {
  console.log(`$ ${command} ${args.join(' ')}`);
  execFileSync(command, args, { cwd: directory, stdio: ['ignore', 'inherit', 'inherit'] });
}

// The required peers, what `signalbox/nats` and `signalbox/server` import, and the compiler, at the versions
// the suite runs with.
const packages = [
  'typeorm',
  'xstate',
  'reflect-metadata',
  '@nats-io/transport-node',
  '@nats-io/jetstream',
  'hono',
  '@hono/node-server',
  'undici',
  'jose',
  'typescript',
  '@types/node',
].map((name) => `${name}@${manifest.devDependencies[name]}`);
const subpaths = Object.keys(manifest.exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => path.replace(/^\./, manifest.name));

// Written here, so that a new subpath is checked without anybody remembering it.
const everySubpath = subpaths
  .map((path, index) => `import * as m${index} from '${path}';`)
  .concat(
    `const modules = { ${subpaths.map((path, index) => `'${path}': m${index}`).join(', ')} };`,
    `for (const [path, exported] of Object.entries(modules)) {`,
    `  const names = Object.keys(exported);`,
    `  if (names.length === 0) throw new Error(path + ' exports nothing');`,
    `  console.log(path + ': ' + names.length + ' exports');`,
    `}`,
    '',
  )
  .join('\n');

// A top-level await anywhere in the package would keep `require` from loading it.
const everySubpathRequired = subpaths.map((path) => `import '${path}';\n`).join('');

try {
  cpSync(join(root, 'scripts/outside-project'), directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "private": true, "type": "module" }\n');
  writeFileSync(join(directory, 'every-subpath.ts'), everySubpath);
  writeFileSync(join(directory, 'every-subpath-required.cts'), everySubpathRequired);
  run('npm', 'install', '--no-save', '--prefer-offline', resolve(tarball), ...packages);
  run('node_modules/.bin/tsc');
  run('node', 'out/every-subpath.js');
  run('node', 'out/main.js');
  run('node', 'out/every-subpath-required.cjs');
  run('node_modules/.bin/signalbox', '--help');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
