import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBalancer } from '../../../examples/load-balancer.js';
import { machines } from '../../../machines/index.js';
import { scxml } from '../../../src/tools/diagram/scxml.js';
import { DefinitionError } from '../../../src/core/errors/errors.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { machineOf, randomEvents, randomShape } from '../../core/lifecycle/random-machine.js';
import { hostileLifecycle, hostileNames } from './hostile-lifecycle.js';

const run = promisify(execFile);
const schema = resolve(import.meta.dirname, '../../fixtures/scxml-1.0.xsd');
const compiler = '/usr/lib/qt5/bin/qscxmlc';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-scxml-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(documents: readonly string[]): Promise<readonly string[]> {
  const files = documents.map((_, index) => join(folder, `m${index}.scxml`));
  await Promise.all(documents.map((text, index) => writeFile(files[index] ?? '', text)));
  return files;
}

/** What the schema finds wrong in documents. */
async function faultsBySchema(documents: readonly string[]): Promise<readonly string[]> {
  const files = await write(documents);
  return run('xmllint', ['--noout', '--nonet', '--schema', schema, ...files]).then(
    () => [],
    ({ stderr }: { stderr: string }) => stderr.split('\n'),
  );
}

/** What Qt's compiler finds wrong in a document: it follows every target. */
async function faultsByCompiler(document: string): Promise<readonly string[]> {
  const [file = ''] = await write([document]);
  const outputs = ['--header', `${file}.h`, '--impl', `${file}.cpp`];
  const { stderr } = await run(compiler, [file, ...outputs]).catch(
    (failed: { stderr: string }) => failed,
  );
  // It also warns, of states that nothing leads to: no fault of the writing.
  return stderr.split('\n').filter((line) => line.includes('error:'));
}

/** Random machines with compound and parallel states, wildcards and deadlines. */
function randomDocuments(count: number): readonly string[] {
  return fc.sample(randomShape, count).flatMap((shape) => {
    try {
      const lifecycle = defineLifecycle({
        resource: 'Random',
        version: 1,
        machine: machineOf(shape),
        events: [...randomEvents],
      });
      return [scxml(lifecycle)];
    } catch (error) {
      expect(error).toBeInstanceOf(DefinitionError);
      return [];
    }
  });
}

describe('SCXML', () => {
  const own = [...machines, loadBalancer].map((lifecycle) => scxml(lifecycle));

  it('is valid by the schema', async () => {
    expect(await faultsBySchema(own)).toEqual([]);
  });

  it('is valid by the schema for compound and parallel states, wildcards and deadlines', async () => {
    const documents = randomDocuments(80);
    expect(documents.length).toBeGreaterThan(25);
    expect(await faultsBySchema(documents)).toEqual([]);
  });

  it('is valid by the schema whatever the names hold', async () => {
    const documents = fc.sample(hostileNames, 200).map((names) => scxml(hostileLifecycle(names)));
    expect(await faultsBySchema(documents)).toEqual([]);
  });

  it('is compiled by Qt', async () => {
    const hostile = fc.sample(hostileNames, 20).map((names) => scxml(hostileLifecycle(names)));
    for (const document of [...own, ...randomDocuments(20), ...hostile]) {
      expect(await faultsByCompiler(document)).toEqual([]);
    }
  });

  it('is refused by both when a document is at fault', async () => {
    const [document = ''] = own;
    const misnamed = document.replace(
      '<transition event="StopRequested"',
      '<transition event="a b. "',
    );
    expect(misnamed).not.toBe(document);
    expect((await faultsBySchema([misnamed])).join()).toContain('event');
    const misplaced = document.replace('</onentry>', '<state id="inside"/></onentry>');
    expect((await faultsBySchema([misplaced])).join()).toContain('state');
    const lost = document.replace('target="Starting"', 'target="Nowhere"');
    expect((await faultsByCompiler(lost)).join()).toContain('unknown state');
  });
});
