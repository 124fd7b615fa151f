import { JetStreamApiError, type StoredMsg } from '@nats-io/jetstream';
import type { Subscription } from '@nats-io/transport-node';
import { ConfigurationError } from '../../core/errors/errors.js';
import { WakeableSleep } from '../kit/wakeable-sleep.js';
import type { NatsConnector } from './connection.js';
import { jetStreamError } from './nats-error.js';
import type { NatsNames } from './names.js';
import { isMissing } from './streams.js';

/** Record of a pool in the key-value store. */
interface PoolRecord {
  readonly order: 'pool' | 'member';
  /** The active member of an ordered pool; null when there is none. */
  readonly holder: string | null;
}

interface Found extends PoolRecord {
  /** The record's place in its stream: what a change of it is compared with. */
  readonly sequence: number;
  /** By the server's clock; unknown of what this member has written. */
  readonly writtenAt?: Date;
}

export interface PoolLeaseOptions {
  readonly connector: NatsConnector;
  readonly names: NatsNames;
  readonly pool: string;
  readonly order: 'pool' | 'member';
  /** This member. */
  readonly member: string;
  readonly ackWait: number;
}

/**
 * How a member became the active one: the one before has given back what it had, or was not heard of for
 * too long; or this one was active itself, and could not renew in time.
 */
export type Succession = 'handed over' | 'taken over' | 'regained';

/** Told when this member becomes the active one, and when it no longer is. */
export interface LeaseListener {
  acquired(succession: Succession): void;
  lost(): void;
  /** The stream of the records is gone: somebody has to make it. Told again and again until then. */
  missing(): void;
}

/** Holds a record that was made anew, and never renews it: whoever held the former one takes it, or stops before it runs out. */
const nobody = 'nobody';

/**
 * The record of a pool, and in an ordered pool who may consume: one member holds it and renews it, the
 * others watch. Every change is compared with the record that was read, so that two never hold it.
 *
 * Nobody's clock is compared with another's. A member that watches takes over when it has seen no renewal
 * for three times `ackWait` by its own; a holder that could not renew for one `ackWait` stops by itself and
 * keeps nothing in hand from expiring, so that by then all it had is back at the server, in its place
 * before what comes later.
 */
export class PoolLease {
  readonly #options: PoolLeaseOptions;
  #record: Found | undefined;
  #seenAt = 0;
  #renewedAt: number | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #listener: LeaseListener | undefined;
  #told = false;
  #declared = false;
  #succession: Succession = 'handed over';
  #stopped = false;
  #loop: Promise<void> | undefined;
  readonly #sleep = new WakeableSleep();

  constructor(options: PoolLeaseOptions) {
    this.#options = options;
  }

  /** True while this member may consume: asked of the clock, for a process may have been asleep. */
  get held(): boolean {
    const { ackWait } = this.#options;
    return this.#renewedAt !== undefined && performance.now() - this.#renewedAt <= ackWait;
  }

  /**
   * Makes the record if there is none. Resolves with when another member has written it, if one has. Rejects
   * with ConfigurationError TOPOLOGY_CONFLICT for another order.
   *
   * @param exists Whether the pool is there without it: then somebody may be active by the one that was.
   */
  async declare(exists: boolean): Promise<Date | undefined> {
    const { pool, order } = this.#options;
    try {
      await this.#read();
      if (this.#record === undefined) {
        const isNew = !exists && !this.#declared;
        await this.#write({ order, holder: isNew ? null : this.#holderAnew() });
      }
      if (this.#record === undefined) await this.#read();
      this.#declared = true;
    } catch (error) {
      throw jetStreamError(error, `the pool ${pool}`);
    }
    // Not by this member's own clock where there is no time: it is compared with the server's.
    const { order: settled = order, writtenAt } = (this.#record ?? {}) as Partial<Found>;
    if (settled === order) return writtenAt;
    throw new ConfigurationError(
      'TOPOLOGY_CONFLICT',
      `The pool ${pool} exists with order: '${settled}'. Members must agree; remove the pool to change it.`,
      { parameters: { pool } },
    );
  }

  /** Begins to hold the record, or to wait for it. */
  start(listener: LeaseListener): void {
    this.#listener = listener;
    this.#loop = this.#run();
  }

  /**
   * Gives the record to whoever waits, who begins at once: only if everything that was in hand `isBack` at
   * the server. Else it runs out. Never rejects.
   */
  async release(isBack: boolean): Promise<void> {
    this.#stopped = true;
    this.#sleep.wake();
    clearTimeout(this.#watchdog);
    await this.#loop;
    if (!this.held) return;
    this.#renewedAt = undefined;
    if (!isBack) return;
    await this.#write({ order: this.#options.order, holder: null }).catch(() => false);
  }

  async #run(): Promise<void> {
    const { connector, names, pool, ackWait } = this.#options;
    let watching: Subscription | undefined;
    while (!this.#stopped) {
      try {
        const { nats } = await connector.ready();
        // Everybody sees a change at once; reading now and then finds what a lost connection hid.
        watching ??= nats.subscribe(names.poolSubject(pool), {
          // A holder hears its own renewals.
          callback: () => {
            if (!this.held) this.#sleep.wake();
          },
        });
        this.#renew(await connector.unlessGone(this.#hold()));
      } catch (error) {
        // Away, or gone: what is held runs out by itself.
        if (isMissing(error)) this.#listener?.missing();
      }
      if (!this.#stopped) await this.#sleep.sleep(this.held ? ackWait / 2 : ackWait);
    }
    watching?.unsubscribe();
  }

  #renew(asked: number | undefined): void {
    // What came while the record had run out was taken by nobody: whoever regains it must hear of both.
    this.#tell();
    this.#renewedAt = asked;
    this.#watch();
    this.#tell();
  }

  /** Tells when the record runs out. A timer may fire a little before its time. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    if (this.#stopped) return;
    if (!this.held) {
      this.#tell();
      return;
    }
    const left = (this.#renewedAt ?? 0) + this.#options.ackWait - performance.now();
    this.#watchdog = setTimeout(() => this.#watch(), Math.max(1, left + 1));
  }

  #tell(): void {
    if (this.#stopped || this.#told === this.held) return;
    this.#told = this.held;
    if (!this.#told) {
      this.#listener?.lost();
      return;
    }
    const succession = this.#succession;
    // Whatever comes next without another holder in between.
    this.#succession = 'regained';
    this.#listener?.acquired(succession);
  }

  /** Takes or renews the record where that is allowed: then the time before it asked, else undefined. */
  async #hold(): Promise<number | undefined> {
    const { member, order, ackWait } = this.#options;
    const asked = performance.now();
    await this.#read();
    if (this.#record === undefined && !this.held) {
      await this.#write({ order, holder: this.#holderAnew() });
      return undefined;
    }
    const { holder = null } = this.#record ?? {};
    // Another was faster to make anew what this one still holds.
    const isOurs = holder === member || (holder === nobody && this.held);
    const expired = performance.now() - this.#seenAt > 3 * ackWait;
    if (holder !== null && !isOurs && !expired) return undefined;
    // Who holds it, and finds it deleted, has never been without it.
    if (holder !== member && !this.held)
      this.#succession = holder === null ? 'handed over' : 'taken over';
    if (await this.#write({ order, holder: member })) return asked;
    return this.held ? this.#hold() : undefined;
  }

  /** The holder of a record that was deleted. Another may hold the deleted one, and not know yet. */
  #holderAnew(): string {
    return this.held ? this.#options.member : nobody;
  }

  async #read(): Promise<void> {
    const { connector, names, pool } = this.#options;
    const { manager } = await connector.ready();
    const stored = await manager.streams
      .getMessage(names.poolStream, { last_by_subj: names.poolSubject(pool) })
      .catch((error: unknown) => {
        if (error instanceof JetStreamApiError && error.code === noMessage) return null;
        throw error;
      });
    const found =
      stored === null
        ? undefined
        : { ...this.#readStored(stored), sequence: stored.seq, writtenAt: stored.time };
    if (found?.sequence !== this.#record?.sequence) this.#seenAt = performance.now();
    this.#record = found;
  }

  /** Others may write to the subject, too: what is no record is nobody's, and stops none but for its time. */
  #readStored(stored: StoredMsg): PoolRecord {
    const unread: PoolRecord = { order: this.#options.order, holder: nobody };
    try {
      const record: unknown = stored.json();
      return isPoolRecord(record) ? record : unread;
    } catch {
      return unread;
    }
  }

  /** False when somebody else changed the record meanwhile. */
  async #write(record: PoolRecord): Promise<boolean> {
    const { connector, names, pool } = this.#options;
    const { manager } = await connector.ready();
    try {
      const { seq } = await manager
        .jetstream()
        .publish(names.poolSubject(pool), JSON.stringify(record), {
          expect: { lastSubjectSequence: this.#record?.sequence ?? 0 },
        });
      this.#record = { ...record, sequence: seq };
      this.#seenAt = performance.now();
      return true;
    } catch (error) {
      if (error instanceof JetStreamApiError && wrongSequence.has(error.code)) {
        this.#record = undefined;
        return false;
      }
      throw error;
    }
  }
}

function isPoolRecord(value: unknown): value is PoolRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { order, holder }: Partial<Record<keyof PoolRecord, unknown>> = value;
  return (
    (order === 'pool' || order === 'member') && (typeof holder === 'string' || holder === null)
  );
}

/** JetStream: no message found. */
const noMessage = 10037;
/** JetStream: wrong last sequence. */
const wrongSequence: ReadonlySet<number> = new Set([10071, 10164]);
