import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { virtualMachine } from '../../../machines/index.js';
import type { TraceReport } from '../../../src/tools/trace/trace-report.js';
import { runSignalbox } from '../../support/command-line.js';
import { eachDatabase, freshDatabase } from '../../support/databases.js';
import { record } from './recorded-life.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-trace-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function file(name: string, lines: readonly (object | string)[]): Promise<string> {
  const path = join(directory, name);
  const written = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  await writeFile(path, `${written.join('\n')}\n`);
  return path;
}

const lawful = record(virtualMachine, [
  { event: 'Created', old: null, new: 'Stopped' },
  { event: 'StartRequested', old: 'Stopped', new: 'Starting' },
]);
const unlawful = record(virtualMachine, [
  { event: 'Created', old: null, new: 'Stopped' },
  { event: 'StopRequested', old: 'Stopped', new: 'Running' },
]);

it('finds what the demo prints without fault, and exits 0', async () => {
  const demo = await runSignalbox(['demo', '--json']);
  const path = await file('demo.jsonl', [demo.stdout.trim()]);
  const { code, stdout, stderr } = await runSignalbox(['trace', 'check', path, '--complete']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('no fault');
});

it('names the line of a fault in every format, and exits 1', async () => {
  const path = await file('unlawful.jsonl', unlawful);
  for (const format of ['text', 'json', 'markdown']) {
    const { code, stdout } = await runSignalbox(['trace', 'check', path, '--format', format]);
    expect(code).toBe(1);
    expect(stdout).toContain('line 2');
    expect(stdout).toContain('UNLAWFUL_TRANSITION');
  }
});

it('tries the next version of a lifecycle on what was recorded under this one', async () => {
  const next = await file('next.mjs', [
    `import { defineLifecycle } from ${JSON.stringify(resolve('dist/index.js'))};`,
    `import { setup } from ${JSON.stringify(import.meta.resolve('xstate'))};`,
    `export const next = defineLifecycle({ resource: 'VirtualMachine', version: 2, machine: setup({})`,
    `  .createMachine({ initial: 'Stopped', states: { Stopped: { on: { PowerOn: 'Running' } }, Running: {} } }) });`,
  ]);
  const path = await file('lawful.jsonl', lawful);
  const check = (flag: string) => runSignalbox(['trace', 'check', '--lifecycle', flag, path]);
  expect((await check('VirtualMachine')).code).toBe(0);
  const tried = await check(`VirtualMachine=${next}`);
  expect(tried.code).toBe(1);
  expect(tried.stdout).toContain('UNKNOWN_STATE');
  expect(await check(`Volume=${next}`)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('declares VirtualMachine, not Volume') as string,
  });
});

describe('bad input', () => {
  it.each([
    ['a line that is not JSON', ['{', ''], /At line 1: It is not JSON/],
    ['a line that is no event', [...lawful, { hello: 1 }], /At line 3: It is neither/],
    ['an event without a source', [{ ...lawful[0], source: undefined }], /At line 1: .*source/],
  ])('%s stops the check with exit code 2', async (_, lines, message) => {
    const path = await file('bad.jsonl', lines);
    const { code, stdout, stderr } = await runSignalbox(['trace', 'check', path]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('    at ');
  });

  it.each([
    [['trace', 'check'], /Give a file/],
    [['trace'], /Usage/],
    [['trace', 'check', 'nowhere.jsonl'], /There is no file nowhere.jsonl/],
    [['trace', 'check', '.'], /\. cannot be read \(EISDIR\)/],
    [['trace', 'check', '-', '--database', 'sqlite:x'], /not both/],
    [['trace', 'check', '-', '--lifecycle', 'VirtualMachin'], /Did you mean 'VirtualMachine'/],
    [['trace', 'check', '-', '--max-dwell', 'Running'], /Creating=10min/],
    [['trace', 'check', '-', '--max-dwell', 'Running=ten'], /Give a duration/],
    [['trace', 'check', '-', '--max-dwell', 'Runnin=1h'], /Did you mean 'Running'/],
    [['trace', 'check', '-', '--tolerance', '5'], /Give a duration/],
    [['trace', 'check', '-', '--format', 'xml'], /Allowed choices/],
  ])('%j is refused with exit code 2', async (args, message) => {
    const { code, stderr } = await runSignalbox(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('    at ');
  });
});

eachDatabase((kind) => {
  it('reads the journal by itself, and finds the demo without fault', async () => {
    await using database = await freshDatabase(kind);
    const demo = await runSignalbox(['demo', '--json', '--database', database.url]);
    expect(demo.code).toBe(0);
    const args = ['trace', 'check', '--complete', '--format', 'json', '--database', database.url];
    const { code, stdout } = await runSignalbox(args);
    expect(code).toBe(0);
    const received = demo.stdout.trim().split('\n').length - 1;
    expect((JSON.parse(stdout) as TraceReport).events).toBe(received);
  });
});

describe('a million events', () => {
  const resources = 200_000;
  const changes = [
    { event: 'Created', old: null, new: 'Allocated' },
    { event: 'CreateRequested', old: 'Allocated', new: 'Creating' },
    { event: 'OperationSucceeded', old: 'Creating', new: 'Ready' },
    { event: 'DestroyRequested', old: 'Ready', new: 'Destroy' },
    { event: 'Removed', old: 'Destroy', new: null },
  ];

  function* lines(): Generator<string> {
    const [life] = [record({ resource: 'Volume', version: 1 }, changes)];
    const templates = (life ?? []).map((event) => `${JSON.stringify(event)}\n`);
    const uuid = life?.[0]?.partitionkey ?? '';
    // Fifty lives at a time are interleaved, as they are on a bus.
    for (let first = 0; first < resources; first += 50) {
      let chunk = '';
      for (const [step, template] of templates.entries()) {
        const id = life?.[step]?.id ?? '';
        for (let life = first; life < first + 50; life += 1) {
          const tail = String(life).padStart(12, '0');
          chunk += template
            .replaceAll(uuid, `10000000-0000-7000-8000-${tail}`)
            .replaceAll(id, `2000000${step}-0000-7000-8000-${tail}`);
        }
      }
      yield chunk;
    }
  }

  it('pass through a heap of 96 MB in one pass, because ended resources are forgotten', async () => {
    const child = spawn(
      process.execPath,
      [
        '--max-old-space-size=96',
        resolve('dist/cli.js'),
        'trace',
        'check',
        '--format',
        'json',
        '-',
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    const ended = once(child, 'exit');
    const output = text(child.stdout);
    await pipeline(Readable.from(lines()), child.stdin);
    expect(await ended).toEqual([0, null]);
    const report = JSON.parse(await output) as TraceReport;
    expect(report).toMatchObject({ lawful: true, events: 5 * resources, redeliveries: 0 });
    expect(report.lifecycles.find(({ resource }) => resource === 'Volume')).toMatchObject({
      creations: resources,
      removals: resources,
      live: 0,
    });
  });
});
