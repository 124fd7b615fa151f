import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runSignalbox } from '../../support/command-line.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-diagram-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const example = resolve(import.meta.dirname, '../../../examples/load-balancer.ts');

describe('signalbox diagram', () => {
  it.each([
    ['mermaid', 'stateDiagram-v2'],
    ['dot', 'digraph'],
    ['plantuml', '@startuml'],
    ['svg', '<svg role="img"'],
    ['scxml', '<scxml'],
    ['json', '"id": "VirtualMachine"'],
    ['png', 'PNG'],
    ['text', '├─◌ Starting  (transitional)'],
  ])('writes a built-in lifecycle as %s', async (format, expected) => {
    const file = join(folder, `machine.${format}`);
    const { code, stderr } = await runSignalbox([
      'diagram',
      'VirtualMachine',
      '--format',
      format,
      '-o',
      file,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await readFile(file, 'utf8')).toContain(expected);
  });

  it('draws a lifecycle of a file', async () => {
    const { code, stdout } = await runSignalbox(['diagram', example]);
    expect(code).toBe(0);
    expect(stdout).toContain('Degraded');
  });

  it.each([
    ['a misspelt lifecycle', ['diagram', 'Volumn'], /Did you mean 'Volume'/u],
    ['an unknown format', ['diagram', 'Volume', '--format', 'gif'], /Allowed choices/u],
    ['an unknown state', ['diagram', 'Volume', '--around', 'Reddy'], /Did you mean 'Ready'/u],
    [
      'a file that is no lifecycle',
      ['diff', 'Volume', './package.json'],
      /does not hold a lifecycle/u,
    ],
    ['two resources', ['diff', 'Volume', 'Network'], /two resources/u],
  ])('refuses %s in one line, with 2 and without a stack trace', async (_, args, message) => {
    const { code, stderr } = await runSignalbox(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(
      stderr
        .trim()
        .split('\n')
        .filter((line) => line !== ''),
    ).toHaveLength(1);
  });
});

describe('signalbox docs', () => {
  it('writes pages that its check takes, and its check finds a page that was changed, lost or left', async () => {
    const pages = join(folder, 'pages');
    const check = () => runSignalbox(['docs', example, 'Volume', '-o', pages, '--check']);
    expect((await check()).code).toBe(1);
    expect((await runSignalbox(['docs', example, 'Volume', '-o', pages])).code).toBe(0);
    expect((await check()).code).toBe(0);
    const page = join(pages, 'load-balancer.md');
    const text = await readFile(page, 'utf8');
    expect(text).toContain('`hasMembers`');
    await writeFile(page, text.replace('hasMembers', 'hasNone'));
    const changed = await check();
    expect(changed.code).toBe(1);
    expect(changed.stderr).toContain('load-balancer.md differs');
    await rm(page);
    expect((await check()).stderr).toContain('load-balancer.md is missing');
    expect((await runSignalbox(['docs', 'Volume', '-o', pages])).code).toBe(0);
    await writeFile(page, text);
    const left = await runSignalbox(['docs', 'Volume', '-o', pages, '--check']);
    expect(left).toMatchObject({ code: 1 });
    expect(left.stderr).toContain('load-balancer.md is of no lifecycle');
  });
});

describe('signalbox diff', () => {
  it('compares with what signalbox machine printed before, and fails a build on demand', async () => {
    const { stdout } = await runSignalbox(['machine', 'Volume', '--format', 'json']);
    const old = join(folder, 'volume.json');
    await writeFile(old, stdout);
    const same = await runSignalbox(['diff', old, 'Volume', '--fail-on', 'compatible']);
    expect(same).toMatchObject({ code: 0, stdout: 'Volume: no difference.\n' });
    await writeFile(old, stdout.replaceAll('"AttachRequested"', '"PlugRequested"'));
    const report = await runSignalbox(['diff', old, 'Volume', '--format', 'json']);
    expect(report.code).toBe(0);
    expect(JSON.parse(report.stdout)).toMatchObject({ resource: 'Volume', class: 'breaking' });
    const failed = await runSignalbox(['diff', old, 'Volume', '--fail-on', 'breaking']);
    expect(failed.code).toBe(1);
  });
});
