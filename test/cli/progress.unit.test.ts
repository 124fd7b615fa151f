import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { progress } from '../../src/cli/progress.js';

function written(isTTY: boolean, dones: readonly number[]): string {
  const stream = Object.assign(new PassThrough(), { isTTY }) as unknown as NodeJS.WriteStream;
  const shown = progress('machines', 100, stream);
  for (const done of dones) shown.update(done);
  shown.stop();
  return (stream as unknown as PassThrough).read()?.toString() ?? '';
}

test('a log gets one line for each tenth part, and none twice', () => {
  const all = Array.from({ length: 101 }, (_, done) => done);
  expect(written(false, all).split('\n')).toEqual([
    ...Array.from({ length: 10 }, (_, part) => `${(part + 1) * 10}/100 machines`),
    '',
  ]);
});

test('a terminal gets one line that is written anew, ends with what was done, and is left', () => {
  const text = written(true, [1, 2, 3, 57]);
  expect(text.split('\n')).toHaveLength(2);
  const last = text.split('\u001b[2K').at(-1);
  expect(last).toBe(`${'█'.repeat(23)}${'░'.repeat(17)} 57/100 machines\n`);
});
