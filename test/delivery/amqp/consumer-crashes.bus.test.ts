import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { message } from '../../../src/testing/bus-conformance/recorder.js';
import { startNode, type ExitReport } from '../../support/run-node.js';
import { eventually } from '../../support/eventually.js';
import { serviceUrl } from '../../support/service-url.js';
import type { CrashingTask } from './crashing-member.js';
import { openRabbitmqPlace, type RabbitmqPlace } from './rabbitmq-place.js';

const url = serviceUrl('rabbitmq');
const long = process.env['SIGNALBOX_FAULTS'] === 'long';
const deliveryLimit = long ? 20 : 2;
let directory: string;
let place: RabbitmqPlace;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-crashes-'));
  place = await openRabbitmqPlace(url);
});
afterEach(async () => {
  await place.dispose();
  await rm(directory, { recursive: true });
});

/** Starts members, one after another, until one lives with an empty pool. Resolves with the crashes. */
async function crashUntilItLives(task: CrashingTask, isDone: () => Promise<boolean>) {
  for (let crashes = 0; crashes < 60; crashes += 1) {
    await using member = startNode(resolve(import.meta.dirname, 'crashing-member.ts'), [
      JSON.stringify(task),
    ]);
    let ended: ExitReport | undefined;
    void member.exited.then((report) => (ended = report));
    await eventually(async () => expect(ended !== undefined || (await isDone())).toBe(true));
    if (ended === undefined) return crashes;
    expect(ended).toMatchObject({ code: 1, stderr: '' });
  }
  throw new Error('the pool was never done');
}

describe('a message whose handler ends the process', () => {
  it.each([
    { culprits: 1, concurrency: 1, order: 'pool' },
    { culprits: 2, concurrency: 8, order: 'member' },
  ] as const)(
    'is dead-lettered after deliveryLimit crashes, and $concurrency at a time its neighbours are handled ($culprits, order $order)',
    async ({ culprits, concurrency, order }) => {
      const bus = place.connect({ deliveryLimit });
      await (await bus.subscribe(['#'], () => {}, { pool: 'p', order })).unsubscribe();
      const names = Array.from({ length: 50 }, (_, index) => `neighbour ${index}`);
      names.splice(25, 0, ...Array.from({ length: culprits }, (_, index) => `culprit ${index}`));
      for (const id of names) await bus.publish(message('a', { id }));
      const handled = join(directory, 'handled');
      const task: CrashingTask = {
        bus: 'rabbitmq',
        url: place.url,
        exchange: place.exchange,
        deliveryLimit,
        concurrency,
        order,
        handled,
      };
      const crashes = await crashUntilItLives(task, async () => {
        const ids = new Set((await readFile(handled, 'utf8').catch(() => '')).split('\n'));
        return (
          names.every((id) => id.startsWith('culprit') || ids.has(id)) &&
          (await bus.deadLetters?.read('p'))?.length === culprits
        );
      });
      const letters = (await bus.deadLetters?.read('p')) ?? [];
      expect(letters.map(({ message: { id } }) => id).toSorted()).toEqual(
        names.filter((id) => id.startsWith('culprit')),
      );
      for (const letter of letters) {
        expect(letter.attempts).toBe(deliveryLimit);
        expect(letter.reason).toMatch(/process ended/);
      }
      // One unmarked delivery, then one for each mark up to the limit; with several handlers, one more for each.
      expect(crashes).toBeGreaterThanOrEqual(deliveryLimit);
      expect(crashes).toBeLessThanOrEqual(culprits * (deliveryLimit + 2));
    },
    120_000,
  );
});
