import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { runNode } from '../support/run-node.js';
import { serviceUrl } from '../support/service-url.js';

interface Measured {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
}

interface Report {
  readonly suites: readonly {
    readonly name: string;
    readonly figures: readonly {
      readonly name: string;
      readonly subject: Measured;
      readonly reference?: Measured;
      readonly ratio: Measured;
    }[];
  }[];
}

// Peers and packages come from a registry, and growth takes its time: they are not tried here.
const quick = ['postgres', 'sqlite', 'relay', 'consume', 'latency', 'step'];

test('every quick suite of the bench measures something', { timeout: 180_000 }, async () => {
  const options = ['--rounds', '1', '--seconds', '0.1', '--scale', '0.05', '--json'];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['bench/main.mjs', ...options, '--only', quick.join(',')],
    {
      maxBuffer: 2 ** 24,
      env: {
        ...process.env,
        SIGNALBOX_TEST_POSTGRES: serviceUrl('postgres'),
        SIGNALBOX_TEST_RABBITMQ: serviceUrl('rabbitmq'),
      },
    },
  );
  const { suites } = JSON.parse(stdout) as Report;
  expect(suites.map(({ name }) => name)).toEqual(quick);
  for (const { figures } of suites) {
    expect(figures).not.toEqual([]);
    for (const { name, ratio, reference, subject } of figures) {
      for (const measured of [subject, reference ?? ratio, ratio]) {
        for (const value of [measured.lowest, measured.median, measured.highest]) {
          expect(value, name).toBeGreaterThanOrEqual(0);
          expect(Number.isFinite(value), name).toBe(true);
        }
      }
    }
  }
});

test('a suite that does not exist is named, with those that do', async () => {
  const failed = await promisify(execFile)(process.execPath, [
    'bench/main.mjs',
    '--only',
    'x',
  ]).catch((error: unknown) => error as { readonly stderr: string });
  expect(failed.stderr).toContain('No suite is named x. There are: postgres, mariadb');
});

test('help, the list and a wrong option are answered without looking for servers', async () => {
  // Whoever looks for servers is told at once that this one is not there.
  const env = { ...process.env, SIGNALBOX_TEST_POSTGRES: 'postgres://127.0.0.1:1/nowhere' };
  const start = (...args: string[]) => runNode(resolve('bench/start.mjs'), args, { env });
  expect(await start('--help')).toMatchObject({ code: 0, stderr: '' });
  expect(await start('--list')).toMatchObject({ code: 0, stderr: '' });
  for (const wrong of [['--only', 'x'], ['--rounds', '0'], ['--no-such']]) {
    const { code, stdout, stderr } = await start(...wrong);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/`npm run bench -- --help` tells the options\.\n$/);
    expect(stderr).not.toContain('SIGNALBOX_TEST_POSTGRES');
  }
  const measured = await start('--only', 'postgres');
  expect(measured.stderr).toContain('SIGNALBOX_TEST_POSTGRES');
});
