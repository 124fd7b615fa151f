import { SignalboxError } from '../../core/errors/errors.js';
import { toError } from '../../core/errors/to-error.js';
import { encodeError } from './error-wire.js';
import type { Link } from './link.js';
import type { ReplyMessage, RequestMessage } from './wire.js';

/** Milliseconds until an answer that found nobody is sent again; doubles with each try. */
const firstDelay = 100;

/** Tries in all: a caller that has lost its connection is back within these, or is gone. */
const mostTries = 6;

/** Answers that are kept to be sent again, at most; they may be large. One beyond them is given up. */
const mostUnderWay = 100;

/** Sends answers to callers, and again to those that are not at their address for a moment. */
export class Replies {
  readonly #link: Link;
  readonly #service: string;
  readonly #underWay = new Set<Promise<void>>();

  constructor(link: Link, service: string) {
    this.#link = link;
    this.#service = service;
  }

  /**
   * Resolves when the bus has the answer, or it must be tried again later. Never rejects: an answer that
   * cannot be sent becomes one that tells why.
   */
  async send(reply: ReplyMessage, { replyTo, deadline }: RequestMessage): Promise<void> {
    let answer = reply;
    try {
      if (await this.#delivered(answer, replyTo)) return;
    } catch (error) {
      // Not JSON, too large, or refused by the broker: that can be told.
      const told = encodeError(toError(error));
      answer = {
        kind: 'reply',
        request: reply.request,
        ...(told === undefined ? {} : { error: told }),
      };
      if (await this.#delivered(answer, replyTo).catch(() => true)) return;
    }
    if (this.#underWay.size >= mostUnderWay) {
      this.#unanswered(reply);
      return;
    }
    const again = this.#tryAgain(answer, replyTo, deadline).finally(() =>
      this.#underWay.delete(again),
    );
    this.#underWay.add(again);
  }

  /** Resolves when nothing is left to try. */
  async sent(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  /** Rejects with what trying again cannot mend. */
  async #delivered(reply: ReplyMessage, key: string): Promise<boolean> {
    try {
      const { routed } = await this.#link.send(reply, { key });
      return routed;
    } catch (error) {
      if (error instanceof SignalboxError && error.code === 'BUS_UNAVAILABLE') return false;
      throw error;
    }
  }

  async #tryAgain(reply: ReplyMessage, key: string, deadline: number): Promise<void> {
    for (let tries = 1; tries < mostTries; tries += 1) {
      const delay = firstDelay * 2 ** (tries - 1);
      if (Date.now() + delay > deadline) break;
      await new Promise((resolve) => setTimeout(resolve, delay));
      if (await this.#delivered(reply, key).catch(() => true)) return;
    }
    this.#unanswered(reply);
  }

  #unanswered({ request }: ReplyMessage): void {
    this.#link.notify({ kind: 'unanswered', service: this.#service, request });
  }
}
