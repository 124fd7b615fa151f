import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSignalbox } from '../support/command-line.js';

const root = resolve(import.meta.dirname, '../..');
const main = join(root, 'dist/cli.js');

let folder: string;
// Within the project, so that the files find its packages.
beforeAll(async () => (folder = await mkdtemp(join(root, 'test/cli/made-'))));
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

const head = `
import { setup } from 'xstate';
import { defineLifecycle } from ${JSON.stringify(join(root, 'dist/index.js'))};
`;
const instance = `
const make = (resource, states) => defineLifecycle({ resource, version: 1, machine: setup({}).createMachine({ initial: 'off', states }) });
const states = { off: { on: { Boot: 'on', Kick: {} } }, on: { on: { Halt: 'off' } } };
`;
const several = `${head}${instance}
export const one = make('Instance', states);
export const other = make('Flavor', states);
`;

describe('several lifecycles in one file', () => {
  it('are told apart by their resource', async () => {
    const path = await file('several.mjs', several);
    const { code, stdout } = await runSignalbox(['machine', `Flavor=${path}`]);
    expect([code, stdout.split(',')[0]]).toEqual([0, 'Flavor']);
    const unnamed = await runSignalbox(['machine', path]);
    expect(unnamed.code).toBe(2);
    expect(unnamed.stderr).toContain(`Instance=${path}`);
    const wrong = await runSignalbox(['plan', `Disk=${path}`, '--from', 'off', '--to', 'on']);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('declares Instance, Flavor, not Disk');
  });

  it('are all checked, documented and in the catalog where none is named', async () => {
    const path = await file('several.mjs', several);
    const { stdout } = await runSignalbox(['check', path, '--format', 'json']);
    expect(JSON.parse(stdout)).toMatchObject([{ resource: 'Instance' }, { resource: 'Flavor' }]);
    const output = join(folder, 'pages');
    expect((await runSignalbox(['docs', path, '-o', output])).code).toBe(0);
    expect(existsSync(join(output, 'flavor.md'))).toBe(true);
    const catalog = await runSignalbox(['catalog', path, '--format', 'markdown']);
    expect(catalog.stdout).toContain('Flavor');
  });
});

describe('JSON', () => {
  it.each(['machine', 'diagram'])('that `%s` printed is read by the other commands', async (by) => {
    const { stdout } = await runSignalbox([by, 'Volume', '--format', 'json']);
    const path = await file(`${by}.json`, stdout);
    const ways = ['--from', 'UploadError', '--to', 'Expunged'];
    const [own, read] = await Promise.all([
      runSignalbox(['plan', 'Volume', ...ways]),
      runSignalbox(['plan', path, ...ways]),
    ]);
    expect(read).toEqual(own);
    const drawn = await runSignalbox(['diagram', path, '--format', 'mermaid']);
    expect(drawn.code).toBe(0);
    expect(drawn.stdout).toContain('UploadError');
    const again = await runSignalbox(['machine', path, '--format', 'json']);
    expect(JSON.parse(again.stdout)).toMatchObject({
      resource: 'Volume',
      states: (
        JSON.parse((await runSignalbox(['machine', 'Volume', '--format', 'json'])).stdout) as {
          states: unknown;
        }
      ).states,
    });
  });

  it('of Stately is read, without the actions that announce nothing', async () => {
    const path = await file(
      'stately.json',
      JSON.stringify({
        id: 'traffic light',
        initial: 'red',
        states: {
          red: {
            on: {
              NEXT: { target: 'green', guard: { type: 'isSafe' }, actions: [{ type: 'ring' }] },
            },
          },
          green: { on: { NEXT: { target: 'red' } } },
        },
      }),
    );
    const { code, stdout, stderr } = await runSignalbox(['machine', path]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^trafficlight, version 1[^]*isSafe/u);
    expect(stderr).toContain('ring');
  });

  it('of declarations brings event types of its own', async () => {
    const declaration = (eventTypes?: object) =>
      JSON.stringify({
        resource: 'Lb',
        initial: 'a',
        eventTypes,
        states: ['a', { name: 'b', final: true }],
        transitions: [
          { from: 'a', event: 'Go', to: 'b', effects: [{ category: 'UsageEvent', type: 'LB.ON' }] },
        ],
      });
    const known = await file('known.json', declaration({ usage: ['LB.ON'] }));
    const unknown = await file('unknown.json', declaration({ usage: ['LB.OFF'] }));
    expect((await runSignalbox(['check', known])).code).toBe(0);
    const { code, stdout } = await runSignalbox(['check', unknown]);
    expect(code).toBe(1);
    expect(stdout).toContain("'LB.ON', which is not a known type. Did you mean 'LB.OFF'?");
  });

  it('that is no lifecycle is refused', async () => {
    const path = await file('other.json', '{"a":1}');
    const { code, stderr } = await runSignalbox(['machine', path]);
    expect(code).toBe(2);
    expect(stderr).toContain('does not hold a lifecycle');
  });
});

it('imports go by the paths of tsconfig.json', async () => {
  await file('project/package.json', '{"type":"module"}');
  await file(
    'project/tsconfig.json',
    JSON.stringify({
      compilerOptions: { baseUrl: '.', paths: { '@states/*': ['./src/states/*'] } },
    }),
  );
  await file(
    'project/src/states/server.ts',
    `export const states = { off: { on: { Boot: 'on' } }, on: { on: { Halt: 'off' } } } as const;`,
  );
  const path = await file(
    'project/src/lifecycles/server.ts',
    `${head}import { states } from '@states/server';
export const server = defineLifecycle({ resource: 'Server', version: 1, machine: setup({}).createMachine({ initial: 'off', states } as never) });`,
  );
  const { code, stdout, stderr } = await runSignalbox(['machine', path]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('Server, version 1');
});

it('pages with the line ends of Windows are up to date', async () => {
  const output = join(folder, 'crlf');
  await runSignalbox(['docs', 'Volume', '-o', output]);
  const page = join(output, 'volume.md');
  await writeFile(page, (await readFile(page, 'utf8')).replaceAll('\n', '\r\n'));
  expect((await runSignalbox(['docs', 'Volume', '-o', output, '--check'])).code).toBe(0);
  await writeFile(page, `${await readFile(page, 'utf8')}more\r\n`);
  expect((await runSignalbox(['docs', 'Volume', '-o', output, '--check'])).code).toBe(1);
});

it.runIf(existsSync('/dev/full'))(
  'an output that cannot be written is one line, and neither done nor errors found',
  async () => {
    for (const args of [['machine', 'Volume'], ['check'], ['--version']]) {
      const child = spawn(process.execPath, [main, ...args], {
        stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
      });
      let told = '';
      child.stderr?.on('data', (text) => (told += String(text)));
      const code = await new Promise((done) => child.on('close', done));
      expect([code, told]).toEqual([
        2,
        'signalbox: The output cannot be written (ENOSPC). Make room, or send it elsewhere.\n',
      ]);
    }
  },
);

describe('exit codes', () => {
  it.each<[number, string[]]>([
    [0, ['explain', 'Volume', '--state', 'Ready', '--event', 'AttachRequested']],
    [1, ['explain', 'Volume', '--state', 'Resizing', '--event', 'AttachRequested']],
    [2, ['explain', 'Volume', '--state', 'Nowhere', '--event', 'AttachRequested']],
    [0, ['plan', 'Volume', '--from', 'UploadError', '--to', 'Expunged']],
    [1, ['plan', 'Network', '--from', 'Destroy', '--to', 'Allocated']],
    [2, ['plan', 'Network', '--from', 'Nowhere', '--to', 'Allocated']],
  ])('%i: %j', async (wanted, args) => {
    expect((await runSignalbox(args)).code).toBe(wanted);
  });
});

it('an event that a state forbids is told so, and by the right article', async () => {
  const path = await file('several.mjs', several);
  const { stdout } = await runSignalbox([
    'explain',
    `Instance=${path}`,
    '--state',
    'off',
    '--event',
    'Kick',
  ]);
  expect(stdout).toContain('for an Instance in off');
  expect(stdout).toContain('off forbids it');
});

it('two names with one routing key are a finding, and no catalog is written', async () => {
  const path = await file(
    'same.mjs',
    `${head}export const one = defineLifecycle({ resource: 'Plug', version: 1, machine: setup({}).createMachine({
      initial: 'a', states: { a: { on: { 'power.on': 'b' } }, b: { on: { 'power-on': 'a' } } } }) });`,
  );
  const checked = await runSignalbox(['check', path]);
  expect(checked.code).toBe(1);
  expect(checked.stdout).toContain('SAME_ROUTING_KEY');
  const output = join(folder, 'catalog.json');
  const catalog = await runSignalbox(['catalog', path, '-o', output]);
  expect(catalog.code).toBe(2);
  expect(catalog.stderr).toContain("'power.on' and 'power-on'");
  expect(existsSync(output)).toBe(false);
});

describe('completion', () => {
  it('in bash proposes commands, their options and the choices of these', async () => {
    const { stdout: script } = await runSignalbox(['completion', 'bash']);
    const path = await file('completion.bash', script);
    const proposed = async (...words: string[]) => {
      const line = words.map((word) => JSON.stringify(word)).join(' ');
      const child = spawn('bash', [
        '-c',
        `source ${path}; COMP_WORDS=(signalbox ${line}); COMP_CWORD=${words.length}; _signalbox; echo "\${COMPREPLY[@]}"`,
      ]);
      let out = '';
      child.stdout.on('data', (text) => (out += String(text)));
      await new Promise((done) => child.on('close', done));
      return out.trim().split(' ');
    };
    expect(await proposed('mach')).toEqual(['machine']);
    expect(await proposed('check', '--fo')).toEqual(['--format']);
    expect(await proposed('check', '--format', '')).toEqual(['text', 'json', 'markdown', 'sarif']);
    expect(await proposed('outbox', '')).toContain('list');
    expect(await proposed('completion', '')).toEqual(
      expect.arrayContaining(['bash', 'zsh', 'fish']),
    );
    expect(await proposed('check', '--output', 'a')).toEqual(['']);
  });

  it.each(['zsh', 'fish'])('has every command in %s', async (shell) => {
    const [{ stdout }, help] = await Promise.all([
      runSignalbox(['completion', shell]),
      runSignalbox(['--help']),
    ]);
    const commands = [...help.stdout.matchAll(/^ {2}([a-z][a-z-]*) .*/gmu)].map(([, name]) => name);
    expect(commands.length).toBeGreaterThan(15);
    for (const name of commands.filter((each) => each !== 'help'))
      expect(stdout).toContain(`${name}`);
  });
});

describe('SARIF', () => {
  interface Log {
    readonly runs: readonly [
      {
        readonly results: readonly {
          readonly ruleId: string;
          readonly message: { readonly text: string };
          readonly locations: readonly [
            {
              readonly physicalLocation: {
                readonly artifactLocation: { readonly uri: string };
                readonly region: { readonly startLine: number };
              };
            },
          ];
        }[];
      },
    ];
  }
  const sarif = async (...args: string[]) => {
    const { code, stdout } = await runSignalbox(['check', '--format', 'sarif', ...args]);
    return { code, results: (JSON.parse(stdout) as Log).runs[0].results };
  };

  it('has a file for each result of built-in lifecycles', async () => {
    const { results } = await sarif('--root', root);
    expect(results.length).toBeGreaterThan(0);
    for (const { locations } of results) {
      expect(locations[0].physicalLocation.artifactLocation.uri).toBe('package.json');
    }
  });

  it('names files from the root', async () => {
    const path = await file('several.mjs', several);
    const { results } = await sarif(path, '--root', dirname(folder));
    const [first] = results;
    expect(first?.locations[0].physicalLocation.artifactLocation.uri).toMatch(
      /^made-[^/]+\/several\.mjs$/u,
    );
    const outside = await sarif(path, '--root', join(root, 'src'));
    expect(outside.results[0]?.locations[0].physicalLocation.artifactLocation.uri).toMatch(
      /^file:\/\//u,
    );
  });

  it('has the faults of a lifecycle that is refused, at their lines', async () => {
    const path = await file(
      'refused.mjs',
      `${head}export const one = defineLifecycle({ resource: 'Bad', version: 1, machine: setup({}).createMachine({
  initial: 'idle',
  states: {
    idle: { on: { Go: 'busy' } },
    busy: { tags: 'transitional', on: { Done: 'idle' } },
  },
}) });`,
    );
    const { code, results } = await sarif(path, '--root', folder);
    expect(code).toBe(1);
    expect(results.map(({ ruleId, message }) => [ruleId, message.text.split(':')[0]])).toEqual([
      ['DEFINITION_REFUSED', 'FAULT_TRANSITIONAL_NO_FAILURE_EXIT'],
      ['DEFINITION_REFUSED', 'FAULT_TRANSITIONAL_NO_DEADLINE'],
    ]);
    expect(results.map(({ locations }) => locations[0].physicalLocation.region.startLine)).toEqual([
      8, 8,
    ]);
  });
});
