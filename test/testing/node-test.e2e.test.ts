import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

/** Runs a file with `node --test`. */
function nodeTest(file: string): { readonly status: number | null; readonly output: string } {
  // Inside a test runner of Node the reporter is another; this one is Vitest's child.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--test', '--test-reporter=spec', file],
    { cwd: root, env, encoding: 'utf8' },
  );
  return { status, output: stdout + stderr };
}

it('the example runs in node:test', () => {
  const { status, output } = nodeTest('examples/runners/node-test.mjs');
  expect(output).toMatch(/fail 0/);
  expect(output).not.toMatch(/pass 0/);
  expect(status).toBe(0);
});

it('node:test shows what was expected and what was found', () => {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-runner-'));
  try {
    symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
    const file = join(directory, 'rule.mjs');
    const kit = (path: string): string => JSON.stringify(join(root, 'dist', path));
    writeFileSync(
      file,
      `import { test } from 'node:test';
       import { volume } from ${kit('machines.js')};
       import { given } from ${kit('testing.js')};
       test('wrong', () => void given(volume, 'Ready').when('AttachRequested').then('Resizing'));`,
    );
    const { status, output } = nodeTest(file);
    expect(status).toBe(1);
    expect(output).toContain('Volume in Ready, AttachRequested -> Attaching');
    expect(output).toMatch(/expected: 'Resizing'/);
    expect(output).toMatch(/actual: 'Attaching'/);
    expect(output).toMatch(/operator: 'then'/);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
