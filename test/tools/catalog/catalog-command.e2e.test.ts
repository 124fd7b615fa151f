import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSignalbox } from '../../support/command-line.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-catalog-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const at = (name: string): string => join(directory, name);

it('prints every format the same twice', async () => {
  for (const format of ['asyncapi', 'jsonschema', 'markdown', 'typescript']) {
    const [first, second] = await Promise.all(
      [1, 2].map(() => runSignalbox(['catalog', 'Snapshot', '--format', format])),
    );
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first?.stdout).toContain('BackupToSecondary');
    expect(second?.stdout).toBe(first?.stdout);
  }
});

it('passes an addition, refuses a removal, and writes only what breaks nobody', async () => {
  const file = at('events.json');
  await runSignalbox(['catalog', 'Snapshot', '-o', file]);
  const one = await readFile(file, 'utf8');

  const more = await runSignalbox([
    'catalog',
    'Snapshot',
    'Network',
    '--against',
    file,
    '-o',
    file,
  ]);
  expect(more).toMatchObject({ code: 0, stderr: '' });
  expect(more.stdout).toContain('no breaking change');
  const two = await readFile(file, 'utf8');
  expect(two.length).toBeGreaterThan(one.length);

  const less = await runSignalbox(['catalog', 'Snapshot', '--against', file, '-o', file]);
  expect(less.code).toBe(1);
  expect(less.stdout).toMatch(/breaking {4}Network\.ResourceStateEvent\.Created: channel-removed/);
  expect(await readFile(file, 'utf8')).toBe(two);
});

it('names the property of each breaking change', async () => {
  const file = at('bent.json');
  const { stdout } = await runSignalbox(['catalog', 'Snapshot', '--format', 'jsonschema']);
  const document = JSON.parse(stdout) as {
    $defs: {
      ResourceStateEvent: { properties: { data: { properties: Record<string, unknown> } } };
    };
  };
  const { data } = document.$defs.ResourceStateEvent.properties;
  data.properties['zone'] = { type: 'string' };
  data.properties['changed'] = { type: 'string' };
  await writeFile(file, JSON.stringify(document));
  const compared = await runSignalbox(['catalog', 'Snapshot', '--against', file]);
  expect(compared.code).toBe(1);
  expect(compared.stdout).toContain('data.zone: property-removed');
  expect(compared.stdout).toContain('data.changed: property-retyped');
});

describe('bad input', () => {
  it.each([
    [['Snapshots'], /Did you mean 'Snapshot'/],
    [['--format', 'yaml'], /Allowed choices/],
    [['Volume', 'Volume'], /two lifecycles of Volume/],
    [['--against', 'nowhere.json'], /There is no file nowhere.json/],
    [['--against', 'README.md'], /README.md is not JSON/],
    [['--against', 'package.json'], /This is no catalog/],
    [['-o', 'package.json/events.json'], /cannot be written/],
  ])('%j is refused with exit code 2 and one clear line', async (args, message) => {
    const { code, stdout, stderr } = await runSignalbox(['catalog', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain('    at ');
  });
});
