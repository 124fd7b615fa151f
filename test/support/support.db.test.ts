import { resolve } from 'node:path';
import { DataSource } from 'typeorm';
import { expect, test } from 'vitest';
import { eachDatabase, freshDatabase } from './databases.js';
import { eventually } from './eventually.js';
import { runNode, startNode } from './run-node.js';

const child = resolve(import.meta.dirname, 'fixtures/child.ts');

eachDatabase((kind) => {
  test('a fresh database is empty, isolated, and gone after dispose', async () => {
    await using first = await freshDatabase(kind);
    await using second = await freshDatabase(kind);
    const open = (options: typeof first.options) => new DataSource(options).initialize();
    const [one, two] = await Promise.all([open(first.options), open(second.options)]);
    await one.query('CREATE TABLE thing (id INTEGER)');
    await expect(two.query('SELECT * FROM thing')).rejects.toThrow(/thing/);
    await Promise.all([one.destroy(), two.destroy()]);
    await first.dispose();
    if (kind !== 'sqlite') await expect(open(first.options)).rejects.toThrow(/signalbox_/);
    else await expect(open({ ...first.options, fileMustExist: true } as never)).rejects.toThrow();
  });
});

test('a child process runs decorated TypeScript as tsc emits it', async () => {
  const report = await runNode(child, ['a']);
  expect(report.stdout).toBe('fields 0, saved [{"id":"a","size":7}]\n');
  expect(report).toMatchObject({ code: 0, stderr: '' });
});

test('a child process can be killed at a printed line', async () => {
  await using running = startNode(child, ['a', '--stay']);
  await running.line('staying');
  running.kill('SIGKILL');
  expect(await running.exited).toMatchObject({ code: null, signal: 'SIGKILL' });
  await expect(running.line('never')).rejects.toThrow('ended without printing never');
});

test('eventually gives up with the last error', async () => {
  let tries = 0;
  const failing = () => {
    tries += 1;
    throw new Error(`try ${tries}`);
  };
  await expect(eventually(failing, { deadline: 50 })).rejects.toThrow(/^try [2-9]/);
});
