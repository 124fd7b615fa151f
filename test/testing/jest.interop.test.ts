import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

it('the example runs in Jest', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      'test/interop/node_modules/jest/bin/jest.js',
      '--no-cache',
      '--rootDir=.',
      '--testEnvironment=node',
      '--watchman=false',
      '--roots=<rootDir>/examples/runners',
      '--testMatch=**/jest.mjs',
    ],
    { cwd: root, env: { ...process.env, FORCE_COLOR: '0' }, encoding: 'utf8' },
  );
  const output = stdout + stderr;
  expect(output).toContain('✓ a volume that is being resized cannot be attached');
  expect(output).toMatch(/Tests: +1[0-9] passed, 1[0-9] total/u);
  expect(status, output).toBe(0);
});
