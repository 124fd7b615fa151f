import type { QueryRunner } from 'typeorm';

const writers = new WeakMap<QueryRunner, number>();

/** Runs `work`, whose statements on this runner are Signalbox's own and no bypass. */
export async function internalWrite<T>(runner: QueryRunner, work: () => Promise<T>): Promise<T> {
  writers.set(runner, (writers.get(runner) ?? 0) + 1);
  try {
    return await work();
  } finally {
    writers.set(runner, (writers.get(runner) ?? 1) - 1);
  }
}

/** Whether Signalbox is writing on this runner now. */
export function isInternalWrite(runner: QueryRunner): boolean {
  return (writers.get(runner) ?? 0) > 0;
}
