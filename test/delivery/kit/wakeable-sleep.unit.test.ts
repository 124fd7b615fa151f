import { expect, test } from 'vitest';
import { WakeableSleep } from '../../../src/delivery/kit/wakeable-sleep.js';

test('a sleep ends in time or when woken, all at once, and is kept no longer', async () => {
  const sleeper = new WakeableSleep();
  await Promise.all([sleeper.sleep(1), sleeper.sleep(2)]);
  expect(sleeper.size).toBe(0);
  const long = [sleeper.sleep(100_000), sleeper.sleep(200_000)];
  expect(sleeper.size).toBe(2);
  sleeper.wake();
  await Promise.all(long);
  expect(sleeper.size).toBe(0);
});
