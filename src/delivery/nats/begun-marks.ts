import { createHash } from 'node:crypto';
import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import type { BegunRecord } from '../bus/incoming-delivery.js';
import type { NatsConnector } from './connection.js';
import type { NatsNames } from './names.js';

interface BegunMarksOptions {
  readonly connector: NatsConnector;
  readonly names: NatsNames;
  /** How many marks make a message poison. */
  readonly limit: number;
}

/**
 * Remembers, beside the records of the pools, how often a handler of a redelivered message began and did
 * not end: the server's own count charges what was only held, too. Only redeliveries that this process
 * cannot explain are marked.
 */
export class BegunMarks {
  readonly #options: BegunMarksOptions;

  constructor(options: BegunMarksOptions) {
    this.#options = options;
  }

  /**
   * The record of one message.
   *
   * @param identity of the message among all of its stream, and of who was handed it
   */
  of(identity: string): BegunRecord {
    const { names, limit } = this.#options;
    const hash = createHash('sha256').update(identity).digest('base64url');
    const subject = names.begunSubject(hash);
    let begun = 0;
    let last: Promise<unknown> = Promise.resolve();
    const write = (count: number): Promise<unknown> => {
      last = last.then(() =>
        this.#use(async (manager) => {
          if (count > 0) await manager.jetstream().publish(subject, String(count));
          else await manager.streams.purge(names.poolStream, { filter: subject });
        }),
      );
      return last;
    };
    return {
      limit,
      count: async () => {
        begun = (await this.#use((manager) => read(manager, names.poolStream, subject))) ?? 0;
        return begun;
      },
      begin: async () => {
        begun += 1;
        await write(begun);
      },
      end: (done) => {
        begun = done ? 0 : begun - 1;
        void write(begun);
      },
    };
  }

  /** Runs `work`; when the server refuses it or is away, the message stays unmarked and nothing fails. */
  async #use<T>(work: (manager: JetStreamManager) => Promise<T>): Promise<T | undefined> {
    try {
      const { manager } = await this.#options.connector.ready();
      return await this.#options.connector.unlessGone(work(manager));
    } catch {
      return undefined;
    }
  }
}

async function read(manager: JetStreamManager, stream: string, subject: string): Promise<number> {
  try {
    const stored = await manager.streams.getMessage(stream, { last_by_subj: subject });
    const count = Number(stored?.string());
    // Anybody may write there: nothing but a count condemns a message.
    return Number.isInteger(count) && count > 0 ? count : 0;
  } catch (error) {
    if (error instanceof JetStreamApiError) return 0;
    throw error;
  }
}
