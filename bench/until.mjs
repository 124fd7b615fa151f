import { setTimeout as delay } from 'node:timers/promises';

/** Resolves when the condition holds; looks every few milliseconds, and gives up after two minutes. */
export async function until(condition, what) {
  const end = Date.now() + 120_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited two minutes for ${what}.`);
    await delay(5);
  }
}
