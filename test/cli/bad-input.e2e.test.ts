import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSignalbox } from '../support/command-line.js';
import { runHere as runIn } from '../support/command-line-here.js';

const root = resolve(import.meta.dirname, '../..');
const built = (path: string): string => JSON.stringify(join(root, 'build', path));

let folder: string;
// Within the project, so that the files find its packages.
beforeAll(async () => {
  folder = await mkdtemp(join(root, 'test/cli/made-'));
  await Promise.all(
    Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text)),
  );
});
afterAll(() => rm(folder, { recursive: true }));

const guarded = (guards: string, guard: string): string => `
  import { and, not, setup } from 'xstate';
  import { defineLifecycle } from ${built('src/index.js')};
  const machine = setup({ guards: ${guards} }).createMachine({
    initial: 's',
    states: { s: { on: { Go: { target: 't', guard: ${guard} } } }, t: { type: 'final' } },
  });
  export const door = defineLifecycle({ resource: 'Door', version: 1, machine });
`;

const files: Readonly<Record<string, string>> = {
  'throws.ts': "throw new Error('no such\\n  table');",
  'syntax.ts': 'export const door = {;',
  'empty.ts': 'export const door = { resource: 1 };',
  'several.ts': `export { network, volume } from ${built('machines/index.js')};`,
  'cyclic.ts': guarded("{ a: and(['b']), b: not('a') }", "'a'"),
  'guarded.ts': guarded('{ a: ({ context }) => context.a }', "and(['a', 'missing'])"),
  'lost.ts': "import './nowhere.js';",
  'broken.json': '{',
  'other.json': '{"name":"door"}',
  'binary.ts': '\u007fELF\0\u0001',
};

const runHere = (args: readonly string[]) => runIn(args, folder);

/** Runs a command and holds that it refused in one clear line. */
async function refusal(args: readonly string[], runIt = runHere): Promise<string> {
  const { code, stdout, stderr } = await runIt(args);
  expect({ code, stdout }, args.join(' ')).toEqual({ code: 2, stdout: '' });
  expect(stderr.trim().split('\n'), stderr).toHaveLength(1);
  return stderr;
}

describe('a file', () => {
  it.each([
    ['that throws on import', './throws.ts', /throws\.ts cannot be loaded: no such table\. Mend/u],
    ['that is no program', './syntax.ts', /syntax\.ts cannot be loaded: .*syntax\.ts:1/u],
    ['that is not text', './binary.ts', /binary\.ts cannot be loaded/u],
    ['that imports what is not there', './lost.ts', /lost\.ts cannot be loaded: .*nowhere/u],
    ['without a lifecycle', './empty.ts', /exports no lifecycle\. Export what defineLifecycle/u],
    ['that is not there', './nothing.ts', /There is no file \.\/nothing\.ts/u],
  ])('%s is refused in one line, by every command that reads one', async (_, file, message) => {
    expect(await refusal(['diagram', file])).toMatch(message);
    expect(await refusal(['check', file])).toMatch(message);
  });

  it('with several is refused in one line by a command that reads one', async () => {
    expect(await refusal(['diagram', './several.ts'])).toMatch(
      /exports 2 lifecycles \(Network, Volume\)\. Name one of them, as in Network=/u,
    );
  });

  // Apart, because this process holds two copies of xstate, Vitest's and Node's.
  it.each([
    ['a cyclic guard', './cyclic.ts', /Guard 'a' .* refers to itself\. Let one guard/u],
    ['an unknown guard', './guarded.ts', /Guard 'missing' .* Name it in setup/u],
  ])('with %s is refused in one line', async (_, file, message) => {
    const apart = (args: readonly string[]) => runSignalbox(args, { cwd: folder });
    expect(await refusal(['check', file], apart)).toMatch(message);
  });

  it('with guards of another copy of xstate is refused in one line', async () => {
    expect(await refusal(['check', './guarded.ts'])).toMatch(/another copy of xstate\. Install/u);
  });

  it('is refused alike by the other commands', async () => {
    const message = /throws\.ts cannot be loaded: no such table/u;
    const file = './throws.ts';
    for (const args of [
      ['machine', file],
      ['docs', file, '-o', 'pages'],
      ['diff', file, 'Volume'],
      ['diff', 'Volume', file],
      ['explain', file, '--state', 's', '--event', 'Go'],
      ['plan', file, '--from', 's', '--to', 't'],
      ['coverage', '.', '--lifecycle', file],
      ['trace', 'check', '--lifecycle', file, 'throws.ts'],
      ['catalog', file],
    ]) {
      expect(await refusal(args)).toMatch(message);
    }
  });

  it('of JSON that holds something else is refused in one line', async () => {
    expect(await refusal(['check', 'broken.json'])).toMatch(/not valid JSON/u);
    expect(await refusal(['check', 'other.json'])).toMatch(/no lifecycle declaration/u);
    expect(await refusal(['diff', 'other.json', 'Volume'])).toMatch(/does not hold a lifecycle/u);
    expect(await refusal(['catalog', 'Volume', '--against', 'broken.json'])).toMatch(
      /broken\.json/u,
    );
    expect(await refusal(['catalog', 'Volume', '--against', 'other.json'])).toMatch(/no catalog/u);
    for (const args of [
      ['check', 'none.json'],
      ['diff', 'none.json', 'Volume'],
      ['catalog', 'Volume', '--against', 'none.json'],
    ]) {
      expect(await refusal(args)).toMatch(/There is no file none\.json\./u);
    }
    expect(await refusal(['trace', 'check', 'none.jsonl'])).toMatch(/none\.jsonl/u);
    expect(await refusal(['coverage', 'nowhere'])).toMatch(/There is no folder nowhere\./u);
  });
});

describe('a name', () => {
  it.each([
    [['diagram', 'Volume', '--around', 'Reddy'], /Did you mean 'Ready'/u],
    [['diagram', 'Volume', '--around', 'Nope'], /Its states are Allocated, .*Ready/u],
    [
      ['explain', 'Volume', '--state', 'Nope', '--event', 'x'],
      /Its states are Allocated, .*Ready/u,
    ],
    [['diagram', 'Volume', '--highlight', 'Reddy'], /Did you mean 'Ready'/u],
    [['diff', 'Volume', 'Volume', '--format', 'svg', '--around', 'Reddy'], /Did you mean 'Ready'/u],
    [
      ['explain', 'Volume', '--state', 'Reddy', '--event', 'AttachRequested'],
      /Did you mean 'Ready'/u,
    ],
    [
      ['explain', 'Volume', '--state', 'Ready', '--event', 'AttachRequest'],
      /Did you mean 'Attach/u,
    ],
    [['plan', 'Volume', '--from', 'Reddy', '--to', 'Ready'], /Did you mean 'Ready'/u],
    [['plan', 'Volume', '--from', 'Ready', '--to', 'Reddy'], /Did you mean 'Ready'/u],
    [['trace', 'check', '--max-dwell', 'Reddy=1h', 'throws.ts'], /Reddy/u],
    [['trace', 'check', '--max-dwell', 'Ready=long', 'throws.ts'], /long/u],
    ...['diagram', 'diff', 'check', 'plan', 'explain', 'coverage', 'catalog', 'machine'].map(
      (command): [string[], RegExp] => [
        [
          command,
          ...(command === 'check' ? [] : ['Volume']),
          ...(command === 'diff' ? ['Volume'] : []),
          '--format',
          'gif',
        ],
        /Allowed choices are/u,
      ],
    ),
    [['trace', 'check', '--format', 'gif'], /Allowed choices are/u],
    [['diagrams', 'Volume'], /unknown command/u],
    [['diagram', 'Volume', '--formt', 'svg'], /unknown option/u],
  ])('that is unknown is refused in one line: %s', async (args, message) => {
    expect(await refusal(args)).toMatch(message);
  });
});

describe('an option', () => {
  it.each([
    [
      ['explain', 'Volume', '--stat', 'Ready', '--event', 'x'],
      /--stat' \(Did you mean --state\?\)/u,
    ],
    [['plan', 'Volume', '--form', 'Ready'], /--form' \(Did you mean --from\?\)/u],
    [['replay', '--pol', 'billing'], /--pol' \(Did you mean --pool\?\)/u],
  ])('that is unknown is told before one that is missing: %s', async (args, message) => {
    expect(await refusal(args)).toMatch(message);
  });

  it.each([
    [['explain', 'Volume', '--state', 'Ready'], /required option '--event <event>' not specified/u],
    [['plan', 'Volume', '--to', 'Ready'], /required option '--from <state>' not specified/u],
    [['replay'], /required option '--pool <name>' not specified/u],
  ])('that is missing is told: %s', async (args, message) => {
    expect(await refusal(args)).toMatch(message);
  });
});

describe('a bus', () => {
  const twice = [
    '--bus',
    'amqp://u:s3cret@127.0.0.1:1/a',
    '--bus',
    'amqp://u:s3cret@127.0.0.1:1/a',
  ];

  it('that is given twice is refused without its password: its events would come twice', async () => {
    for (const args of [
      ['tail', ...twice],
      ['relay', '--database', 'sqlite:none.sqlite', ...twice],
      ['dead-letters', 'list', 'billing', ...twice],
    ]) {
      const told = await refusal(args);
      expect(told).toMatch(/The bus amqp:\/\/\S+@127\.0\.0\.1:1\/a is given twice/u);
      expect(told).not.toContain('s3cret');
    }
  });

  it('of this process is refused by commands that live on what others publish or read', async () => {
    for (const args of [
      ['tail', '--bus', 'memory:'],
      ['relay', '--database', 'sqlite:none.sqlite', '--bus', 'memory:'],
    ]) {
      expect(await refusal(args)).toMatch(/memory: is the bus of one process/u);
    }
  });
});

describe('a SQLite file', () => {
  it('that is none, or that cannot be opened, is told as what it is', async () => {
    for (const command of ['migrate', 'demo']) {
      const told = await refusal([command, '--database', 'sqlite:binary.ts']);
      expect(told).toMatch(/sqlite:binary\.ts: The file is no SQLite database/u);
      expect(await refusal([command, '--database', 'sqlite:.'])).toMatch(
        /sqlite:\.: The file cannot be opened or made/u,
      );
    }
  });
});

describe('--debug', () => {
  it('shows where a file threw, wherever it stands', async () => {
    for (const args of [
      ['--debug', 'check', './throws.ts'],
      ['check', './throws.ts', '--debug'],
    ]) {
      const { code, stderr } = await runSignalbox(args, { cwd: folder });
      expect(code).toBe(2);
      expect(stderr).toMatch(/Caused by: Error: no such/u);
      expect(stderr).toMatch(/ at .*throws\.ts:\d/u);
    }
  });

  it('is told by the help of every command', async () => {
    const { stdout } = await runHere(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+)(?: \[|  )/gmu)].map(
      ([, name = '']) => name,
    );
    expect(commands.length).toBeGreaterThan(12);
    for (const command of commands.filter((name) => name !== 'help')) {
      const help = await runHere([command, '--help']);
      expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('--debug') as string });
    }
  });
});
