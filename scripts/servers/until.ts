import { setTimeout as delay } from 'node:timers/promises';

/** Asks `probe` again and again until it answers anything but undefined; undefined after `deadline` ms. */
export async function until<T>(
  deadline: number,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  const end = Date.now() + deadline;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined || Date.now() >= end) return answer;
    await delay(100);
  }
}
