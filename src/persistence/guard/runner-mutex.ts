import type { QueryRunner } from 'typeorm';

const tails = new WeakMap<QueryRunner, Promise<void>>();

/**
 * Runs `work` after everything queued for the same query runner. TypeORM calls the hooks of all
 * entities of a save at once, and one connection takes one statement at a time. When one fails, those
 * queued behind it fail with it and send nothing: by then the transaction may be rolled back, and
 * their statements would commit by themselves.
 */
export async function withRunnerMutex<T>(runner: QueryRunner, work: () => Promise<T>): Promise<T> {
  const before = tails.get(runner);
  const result = before === undefined ? work() : before.then(work);
  const tail = result.then(() => undefined);
  tails.set(runner, tail);
  try {
    return await result;
  } finally {
    tail.catch(() => undefined);
    if (tails.get(runner) === tail) {
      tails.delete(runner);
    }
  }
}

/** Resolves when nothing is queued for the query runner any more, however it ended. */
export async function drained(runner: QueryRunner): Promise<void> {
  for (let tail = tails.get(runner); tail !== undefined; tail = tails.get(runner)) {
    await tail.catch(() => undefined);
    if (tails.get(runner) === tail) {
      tails.delete(runner);
    }
  }
}
