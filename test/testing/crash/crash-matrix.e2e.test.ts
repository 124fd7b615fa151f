import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { crashMatrix, type Failpoint } from '../../../src/testing/index.js';

const scenario = new URL('fixtures/scenario.mjs', import.meta.url);
// The child is one file of the sources, which only the project's own loader can read.
const execArgv = ['--import', new URL('../../support/typescript-loader.mjs', import.meta.url).href];
const env = { NODE_OPTIONS: undefined };

const life: readonly Failpoint[] = ['guard', 'compare-and-set', 'commit', 'wake'];

async function place(steps: readonly Failpoint[] = life) {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-kit-'));
  return { directory, file: join(directory, 'steps'), steps };
}

type Place = Awaited<ReturnType<typeof place>>;

const dispose = ({ directory }: Place) => rm(directory, { recursive: true, force: true });

async function taken({ file }: Place): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').slice(0, -1);
}

describe('the crash matrix', () => {
  test('kills between every pair of steps: the one before is taken and the one after is not', async () => {
    const seen = new Map<string, readonly string[]>();
    const { crashes } = await crashMatrix({
      scenario,
      execArgv,
      env,
      prepare: () => place(),
      dispose,
      check: async (run) => void seen.set(run.name, await taken(run.place)),
      expected: life,
    });
    const { 'without a crash': whole, ...killed } = Object.fromEntries(seen);
    expect(whole).toEqual(life);
    expect(killed).toEqual({
      'before guard': [],
      'between guard and compare-and-set': life.slice(0, 1),
      'between compare-and-set and commit': life.slice(0, 2),
      'between commit and wake': life.slice(0, 3),
      'after everything': life,
    });
    expect(crashes.map(({ point }) => point)).toEqual([...life, 'end']);
  });

  test('lists every crash after which the check threw, and no other', async () => {
    const failing = crashMatrix({
      scenario,
      execArgv,
      env,
      prepare: () => place(),
      dispose,
      check: async (run) => {
        const steps = await taken(run.place);
        if (steps.length === 1 || steps.length === 3) throw new Error(`${steps.length} steps`);
      },
    });
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_ASSERTION',
      message: 'between guard and compare-and-set: 1 steps\nbetween commit and wake: 3 steps',
    });
  });

  test('proves nothing about a point that the scenario does not come to, and says so', async () => {
    const missing = crashMatrix({
      scenario,
      execArgv,
      env,
      prepare: () => place(),
      dispose,
      check: () => undefined,
      expected: ['guard', 'ack'],
    });
    await expect(missing).rejects.toThrow("the scenario does not come to 'ack'");
  });

  test('shows what a scenario that fails without a crash printed', async () => {
    const broken = crashMatrix({
      scenario: new URL('fixtures/absent.mjs', import.meta.url),
      execArgv,
      env,
      check: () => undefined,
    });
    await expect(broken).rejects.toThrow(/without a crash: .*code 1[^]*absent\.mjs/);
  });
});
