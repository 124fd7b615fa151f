// Everything that must hold before a change goes in, one step after another; a step that fails does not
// stop the others. `npm run verify` runs all, `node scripts/verify.mjs lint types` only those.
//
//   --without <step>   leaves a step out (may be given more than once)
//   --report <file>    writes { passed, failed } as JSON
//
// Only what comes with Node.js is imported: it must be able to say that the installation failed.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const root = resolve(import.meta.dirname, '..');
// As npm does for its scripts, so that no tool is ever fetched because it is not installed.
const PATH = `${join(root, 'node_modules/.bin')}${delimiter}${process.env.PATH}`;
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const packed = 'reports/package';
const tarball = `${packed}/${name}-${version}.tgz`;

const steps = {
  test: ['npm test'],
  format: ['prettier --check .'],
  // Promise rules, the border between the layers, circular imports.
  lint: ['oxlint --type-aware --deny-warnings'],
  types: ['tsc --noEmit -p tsconfig.json'],
  docs: [
    'node scripts/docs-code.mjs --check',
    'node scripts/errors-page.mjs --check',
    'node scripts/architecture.mjs --check',
  ],
  unused: ['knip'],
  build: [() => remove('build') && remove('dist'), 'npm run --silent build'],
  // Every name that users can import or reach, compared with `api/`.
  api: ['node scripts/api-report.mjs --check'],
  // The pages of the built-in lifecycles are made by the command that users have.
  lifecycles: ['node dist/cli.js docs --check'],
  // What the unit tests exercised, over all their files, in the run before.
  coverage: [
    'node dist/cli.js coverage reports/lifecycle-coverage --states 100 --transitions 100 --refusals 100' +
      ' -l VirtualMachine -l Network -l Volume -l Snapshot',
  ],
  // Of the build above: packing by itself would build once more.
  pack: [
    () => remove(packed, true),
    `npm pack --silent --ignore-scripts --pack-destination ${packed}`,
  ],
  publint: [`publint run ${tarball} --strict`],
  // Node.js loads the ES modules for `require` too, as the declarations say; Jest alone gets the CommonJS.
  attw: [`attw ${tarball} --profile esm-only --ignore-rules false-esm`],
  outside: [`node scripts/check-outside-project.mjs ${tarball}`],
  'first-page': [`node scripts/check-first-page.mjs ${tarball}`],
  toolchains: [`node scripts/check-toolchains.mjs ${tarball}`],
};

function remove(path, andMakeAgain = false) {
  rmSync(join(root, path), { recursive: true, force: true });
  if (andMakeAgain) mkdirSync(join(root, path), { recursive: true });
  return true;
}

function runCommand(command) {
  if (typeof command === 'function') return command();
  const { status } = spawnSync(command, {
    cwd: root,
    env: { ...process.env, PATH },
    shell: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return status === 0;
}

function runStep(step) {
  console.log(`\n── ${step}`);
  const start = performance.now();
  const passed = steps[step].every(runCommand);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`── ${step} ${passed ? 'passed' : 'FAILED'} in ${seconds} s`);
  return { step, passed, seconds };
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { without: { type: 'string', multiple: true }, report: { type: 'string' } },
  });
  const without = values.without ?? [];
  const unknown = [...positionals, ...without].filter((step) => !(step in steps));
  if (unknown.length > 0) {
    console.error(`No such step: ${unknown.join(', ')}. Steps: ${Object.keys(steps).join(', ')}`);
    return 2;
  }
  const chosen = positionals.length > 0 ? positionals : Object.keys(steps);
  const results = chosen.filter((step) => !without.includes(step)).map(runStep);
  console.log('');
  for (const { step, passed, seconds } of results) {
    console.log(`${passed ? 'passed' : 'FAILED'}  ${step.padEnd(8)} ${seconds.padStart(7)} s`);
  }
  const failed = results.filter(({ passed }) => !passed).length;
  if (values.report !== undefined) {
    mkdirSync(dirname(values.report), { recursive: true });
    writeFileSync(values.report, JSON.stringify({ passed: results.length - failed, failed }));
  }
  return failed === 0 ? 0 : 1;
}

process.exitCode = main();
