import { endPatience, inTime } from '../kit/in-time.js';

/**
 * Work of a subscription that must not hold up its end, such as the writing of a dead letter over a
 * connection that is mute: the transport gives the message to somebody again.
 */
export class WorkUntilEnd {
  readonly #underWay = new Set<() => void>();
  #ended = false;

  /** Settles as `work` does. Rejects when it is still under way some time after the end has begun. */
  async run<T>(work: Promise<T>): Promise<T> {
    if (this.#ended) return inTime(work, endPatience, late);
    let begin: (() => void) | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      begin = () => void inTime(work, endPatience, late).catch(reject);
    });
    this.#underWay.add(begin as () => void);
    try {
      return await Promise.race([work, tooLate]);
    } finally {
      this.#underWay.delete(begin as () => void);
    }
  }

  /** The end has begun. Safe to call twice. */
  end(): void {
    this.#ended = true;
    for (const begin of this.#underWay) begin();
    this.#underWay.clear();
  }
}

function late(): Error {
  return new Error('the subscription has ended');
}
