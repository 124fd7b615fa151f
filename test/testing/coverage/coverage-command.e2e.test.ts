import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { network } from '../../../machines/index.js';
import { follow, paths, recordCoverage } from '../../../src/testing/index.js';

const main = resolve(import.meta.dirname, '../../../dist/cli.js');

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'signalbox-coverage-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Runs `signalbox coverage`. */
function run(...args: readonly string[]) {
  return spawnSync(process.execPath, [main, 'coverage', ...args], { encoding: 'utf8' });
}

const exercise = (all: boolean): void => {
  const coverage = recordCoverage({ directory });
  const every = paths.allTransitions(network);
  for (const path of all ? every : every.slice(0, 1)) follow(network, path);
  coverage.stop();
};

it('adds up what was exercised, and passes when the thresholds are reached', () => {
  exercise(true);
  const { status, stdout } = run(directory, '--transitions', '100');
  expect(status).toBe(0);
  expect(stdout).toMatch(/Network +6\/6 100 % +11\/11 100 %/);
  expect(stdout).not.toContain('Volume');
});

it('fails below a threshold, and says by how much', () => {
  exercise(false);
  const { status, stderr } = run(directory, '--transitions', '100');
  expect(status).toBe(1);
  expect(stderr).toMatch(/^Network: \d+ % of transitions exercised, below 100 %\.$/m);
});

it('writes JSON to the standard output, and lcov and pictures to a directory', () => {
  exercise(true);
  const { stdout } = run(directory, '-l', 'Network', '--format', 'json');
  expect(JSON.parse(stdout)).toMatchObject([{ resource: 'Network', version: 1 }]);
  const output = join(directory, 'report');
  expect(run(directory, '--format', 'lcov', '-o', output).status).toBe(0);
  expect(run(directory, '--format', 'svg', '-o', output).status).toBe(0);
  expect(readdirSync(output).toSorted()).toEqual([
    'Network.lifecycle.txt',
    'Network.svg',
    'lcov.info',
  ]);
});

it('bad input is one clear line and exit code 2', () => {
  const refused = (...args: readonly string[]): string => {
    const { status, stderr } = run(...args);
    expect(status).toBe(2);
    expect(stderr).not.toMatch(/^\s+at /m);
    return stderr;
  };
  expect(refused(directory)).toMatch(/No fragment in/);
  exercise(true);
  expect(refused(directory, '--transitions', 'all')).toMatch(/percentage from 0 to 100/);
  expect(refused(directory, '--format', 'lcov')).toMatch(/--output/);
  expect(refused(directory, '-l', 'Netwrk')).toMatch(/Did you mean 'Network'/);
  writeFileSync(join(directory, 'x.lifecycle-coverage.json'), '[1');
  expect(refused(directory)).toMatch(/no coverage fragment/);
});
