import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSignalbox } from '../../support/command-line.js';

const reference = resolve(import.meta.dirname, '../../fixtures/cloudstack-lifecycles.json');
const root = resolve(import.meta.dirname, '../../..');

let folder: string;
// Within the project, so that the files find its packages.
beforeAll(async () => (folder = await mkdtemp(join(root, 'test/tools/check/made-'))));
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const door = `
import { setup } from 'xstate';
import { defineLifecycle } from ${JSON.stringify(join(root, 'dist/index.js'))};
import { defineCheck, eventually, inState } from ${JSON.stringify(join(root, 'dist/check.js'))};
const make = (resource) => defineLifecycle({ resource, version: 1, machine: setup({}).createMachine({
  initial: 'Open',
  states: { Open: { on: { Shut: 'Closed', Wall: 'Gone' } }, Closed: { on: { Open: 'Open' } }, Gone: { type: 'final' } },
}) });
`;

describe('signalbox check', () => {
  it('passes the built-in lifecycles, all of them by default', async () => {
    const { code, stdout } = await runSignalbox(['check']);
    expect(code).toBe(0);
    expect(stdout).toContain('4 checked: 0 errors, 0 warnings.');
  });

  it('fails on errors, and on warnings only when told so', async () => {
    const { code, stdout } = await runSignalbox(['check', reference, '--format', 'json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      { resource: 'VirtualMachine' },
      { resource: 'Network' },
      { resource: 'Volume' },
      { resource: 'Snapshot' },
    ]);
    const endless = await file(
      'endless.json',
      JSON.stringify({
        resource: 'Endless',
        initial: 'a',
        states: ['a', 'b'],
        transitions: [
          { from: 'a', event: 'Go', to: 'b' },
          { from: 'b', event: 'Back', to: 'a' },
        ],
      }),
    );
    expect(await runSignalbox(['check', endless])).toMatchObject({ code: 0 });
    expect(await runSignalbox(['check', endless, '--strict'])).toMatchObject({ code: 1 });
  });

  it('knows the event types that a file exports with its lifecycle', async () => {
    const announcing = (types: string) => `
import { setup } from 'xstate';
import { defineEventTypes, defineLifecycle, effects } from ${JSON.stringify(join(root, 'dist/index.js'))};
import { defineCheck } from ${JSON.stringify(join(root, 'dist/check.js'))};
const usage = (type) => ({ type: 'usage', params: { type } });
export const door = defineLifecycle({ resource: 'Door', version: 1, machine: setup({ actions: effects }).createMachine({
  initial: 'Open',
  states: { Open: { on: { Wall: { target: 'Gone', actions: [usage('DOOR.WALL'), usage('DOOR.GONE')] } } }, Gone: { type: 'final' } },
}) });
${types}`;
    const found = async (name: string, types: string) =>
      (await runSignalbox(['check', await file(name, announcing(types))])).stdout;
    const wall = "export const types = defineEventTypes({ usage: ['DOOR.WALL'] });";
    const gone = "export const others = defineEventTypes({ usage: ['DOOR.GONE'] });";
    expect(await found('none.mjs', '')).toContain('1 checked: 0 errors');
    expect(await found('one.mjs', wall)).toContain('1 checked: 1 error');
    expect(await found('both.mjs', wall + gone)).toContain('1 checked: 0 errors');
    const check = 'export const check = defineCheck(door, {});';
    expect(await found('check.mjs', wall + gone + check)).toContain('1 checked: 0 errors');
    // What a check says itself goes.
    const own = 'export const check = defineCheck(door, { eventTypes: types });';
    expect(await found('own.mjs', wall + gone + own)).toContain('1 checked: 1 error');
  });

  it('checks the rules that a file exports with its lifecycle', async () => {
    const path = await file(
      'door.mjs',
      `${door}export const door = make('Door');
export const check = defineCheck(door, { rules: { 'it shuts': eventually(inState('Closed')) } });`,
    );
    const { code, stdout } = await runSignalbox(['check', path]);
    expect(stdout).toContain('error RULE_BROKEN at Door: Gone, rule');
    expect(stdout).toContain('Path: created in Open --Wall--> Gone');
    expect(code).toBe(1);
  });

  it('writes SARIF to a file, each finding on a line of the source', async () => {
    const output = join(folder, 'check.sarif');
    const { code, stdout } = await runSignalbox([
      'check',
      reference,
      '--format',
      'sarif',
      '-o',
      output,
    ]);
    expect([code, stdout]).toEqual([1, '']);
    const log = JSON.parse(await readFile(output, 'utf8')) as {
      runs: {
        results: { locations: { physicalLocation: { region: { startLine: number } } }[] }[];
      }[];
    };
    const lines = log.runs[0]?.results.map(
      ({ locations }) => locations[0]?.physicalLocation.region.startLine ?? 0,
    );
    expect(lines?.filter((line) => line > 1).length).toBeGreaterThan(40);
  });

  it.each([
    ['a misspelt name', () => Promise.resolve('Volum'), /Did you mean 'Volume'/],
    ['a missing file', () => Promise.resolve('./missing.ts'), /no file/],
    ['a file that is no JSON', () => file('broken.json', '{'), /not valid JSON/],
    [
      'JSON of something else',
      () => file('other.json', '{"name":"x"}'),
      /'resource' must be a text/,
    ],
    [
      'a file without a lifecycle',
      () => file('none.mjs', 'export const a = 1;'),
      /exports no lifecycle/,
    ],
    ['a file that throws', () => file('throws.mjs', 'throw new Error("not today");'), /not today/],
    [
      'an unknown state in JSON',
      () =>
        file(
          'unknown.json',
          '{"resource":"X","initial":"a","states":["a"],"transitions":[{"from":"a","event":"E","to":"z"}]}',
        ),
      /names 'z', which is not a state/,
    ],
  ])('refuses %s with one clear message', async (_, make, message) => {
    const { code, stdout, stderr } = await runSignalbox(['check', await make()]);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect([code, stdout]).toEqual([2, '']);
  });

  it('refuses an unknown format and a folder that is not there', async () => {
    expect(await runSignalbox(['check', '--format', 'pdf'])).toMatchObject({ code: 2 });
    const { code, stderr } = await runSignalbox(['check', '-o', join(folder, 'no/where.txt')]);
    expect(stderr).toContain('cannot be written (ENOENT)');
    expect(code).toBe(2);
  });
});

describe('signalbox plan', () => {
  it('tells the shortest lawful path, with what it announces', async () => {
    const { code, stdout } = await runSignalbox(
      'plan VirtualMachine --from Destroyed --to Running'.split(' '),
    );
    expect(stdout.split('\n')).toEqual([
      'A VirtualMachine comes from Destroyed to Running in 2 steps:',
      '  1. Destroyed --RecoveryRequested--> Stopped, announces VM.CREATE',
      '  2. Stopped --FollowAgentPowerOnReport--> Running, announces VM.START',
      '',
    ]);
    expect(code).toBe(0);
  });

  it('proves that there is none', async () => {
    const { code, stdout } = await runSignalbox(
      'plan VirtualMachine --from Error --to Running'.split(' '),
    );
    expect(stdout).toContain('No lawful path leads a VirtualMachine from Error to Running.');
    expect(stdout).toContain('from Error it reaches Error, Expunging, Expunged;');
    expect(code).toBe(1);
  });

  it('waits for deadlines only when told so', async () => {
    const path = await file(
      'lease.mjs',
      `${door}export const lease = defineLifecycle({ resource: 'Lease', version: 1, machine: setup({}).createMachine({
        initial: 'Held', states: { Held: { after: { 1000: 'Lost' } }, Lost: { type: 'final' } },
      }) });`,
    );
    const args = ['plan', path, '--from', 'Held', '--to', 'Lost'];
    expect((await runSignalbox(args)).stdout).toContain('There is one when deadlines pass');
    expect((await runSignalbox([...args, '--timeouts'])).stdout).toContain(
      '1. Held --DeadlineExceeded--> Lost, announces ALERT.RESOURCE.STUCK',
    );
  });

  it('refuses an unknown state, with the nearest', async () => {
    const { code, stderr } = await runSignalbox(
      'plan VirtualMachine --from Eror --to Running'.split(' '),
    );
    expect(stderr).toContain("Did you mean 'Error'?");
    expect(code).toBe(2);
  });
});
