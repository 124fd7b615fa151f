/** Milliseconds that an answer counts: a pool may be removed by somebody else meanwhile. */
const lifetime = 30_000;

interface Answer {
  readonly exists: Promise<boolean>;
  readonly until: number;
}

/**
 * Cache of the pools that exist, so that the cluster is not asked for each message. Callers that come
 * while it is asked wait for the same answer, and so go on in the order of their calls.
 */
export class KnownPools {
  readonly #find: (pool: string) => Promise<boolean>;
  readonly #answers = new Map<string, Answer>();

  constructor(find: (pool: string) => Promise<boolean>) {
    this.#find = find;
  }

  /** That there is none is not remembered. Rejects as the question does. */
  async has(pool: string): Promise<boolean> {
    const now = performance.now();
    let answer = this.#answers.get(pool);
    if (answer === undefined || answer.until <= now) {
      this.#forgetOld(now);
      answer = { exists: this.#find(pool), until: now + lifetime };
      this.#answers.set(pool, answer);
    }
    let exists = false;
    try {
      exists = await answer.exists;
    } finally {
      if (!exists && this.#answers.get(pool) === answer) this.#answers.delete(pool);
    }
    return exists;
  }

  forget(pool: string): void {
    this.#answers.delete(pool);
  }

  /** How many are remembered. */
  get size(): number {
    return this.#answers.size;
  }

  #forgetOld(now: number): void {
    for (const [pool, { until }] of this.#answers) if (until <= now) this.#answers.delete(pool);
  }
}
