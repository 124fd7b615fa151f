import { JetStreamApiError } from '@nats-io/jetstream';
import { expect, test, vi } from 'vitest';
import type { NatsConnector } from '../../../src/delivery/nats/connection.js';
import { natsNames } from '../../../src/delivery/nats/names.js';
import { PoolLease, type Succession } from '../../../src/delivery/nats/pool-lease.js';
import { Gate } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';

const notFound = new JetStreamApiError({
  code: 404,
  err_code: 10037,
  description: 'no message found',
} as never);

const changed = new JetStreamApiError({
  code: 400,
  err_code: 10071,
  description: 'wrong last sequence',
} as never);

/** A server that keeps one record, and a member that is told of it. */
class Records {
  holder: string | null = null;
  sequence = 1;
  isThere = true;
  /** What is there in place of a record. */
  garbage: string | undefined;
  gate: Gate | undefined;
  readonly told: (Succession | 'lost')[] = [];
  readonly lease: PoolLease;

  constructor() {
    const manager = {
      streams: {
        getMessage: async () => {
          if (!this.isThere) throw notFound;
          const { holder, sequence: seq, garbage } = this;
          const text = garbage ?? JSON.stringify({ order: 'pool', holder });
          return { seq, time: new Date(0), json: () => JSON.parse(text) as unknown };
        },
      },
      jetstream: () => ({
        publish: async (
          _: string,
          body: string,
          { expect }: { readonly expect: { readonly lastSubjectSequence: number } },
        ) => {
          await this.gate?.pass();
          if (expect.lastSubjectSequence !== (this.isThere ? this.sequence : 0)) throw changed;
          this.holder = (JSON.parse(body) as { readonly holder: string | null }).holder;
          this.isThere = true;
          this.garbage = undefined;
          this.sequence += 1;
          return { seq: this.sequence };
        },
      }),
    };
    const nats = { subscribe: () => ({ unsubscribe: () => undefined }) };
    const connector = {
      ready: async () => ({ nats, manager }),
      unlessGone: async (work: Promise<unknown>) => work,
    };
    this.lease = new PoolLease({
      connector: connector as unknown as NatsConnector,
      names: natsNames('stream'),
      pool: 'pool',
      order: 'pool',
      member: 'me',
      ackWait: 100,
    });
  }

  async start(exists = true): Promise<void> {
    await this.lease.declare(exists);
    this.lease.start({
      acquired: (succession) => this.told.push(succession),
      missing: () => undefined,
      lost: () => this.told.push('lost'),
    });
  }

  /** Another member makes anew what was deleted. */
  becomeNobodys(): void {
    this.holder = 'nobody';
    this.sequence += 1;
  }

  /** Lets no change through until the member has given up. */
  async hold(): Promise<void> {
    this.gate = new Gate();
    await eventually(() => {
      if (this.told.at(-1) !== 'lost') throw new Error('it holds on');
    });
    this.gate.open();
    this.gate = undefined;
  }
}

test('a member that renewed its record too late has regained it, whoever it had it from', async () => {
  const records = new Records();
  await records.start();
  await eventually(() => expect(records.told).toEqual(['handed over']));
  await records.hold();
  await eventually(() =>
    expect(records.told.slice(0, 3)).toEqual(['handed over', 'lost', 'regained']),
  );
  await records.lease.release(true);
  expect(records.holder).toBe(null);
});

test('a holder whose record was deleted writes it again, and was never without it', async () => {
  const records = new Records();
  await records.start();
  await eventually(() => expect(records.told).toEqual(['handed over']));
  records.isThere = false;
  await eventually(() => expect(records.isThere).toBe(true));
  expect(records.holder).toBe('me');
  await records.hold();
  await eventually(() =>
    expect(records.told.slice(0, 3)).toEqual(['handed over', 'lost', 'regained']),
  );
  await records.lease.release(true);
});

test('a holder goes on whose record another has made anew as nobody’s, before or while it renews', async () => {
  const records = new Records();
  await records.start();
  await eventually(() => expect(records.told).toEqual(['handed over']));
  records.becomeNobodys();
  await eventually(() => expect(records.holder).toBe('me'));
  const gate = new Gate();
  const passes = vi.spyOn(gate, 'pass');
  records.gate = gate;
  await eventually(() => expect(passes).toHaveBeenCalled());
  records.becomeNobodys();
  gate.open();
  await eventually(() => expect(records.holder).toBe('me'));
  expect(records.told).toEqual(['handed over']);
  await records.lease.release(true);
});

test.each(['garbage', 'null', '7', '{"holder":7}'])(
  'a record %s that another program wrote runs out, and stops no holder',
  async (garbage) => {
    const waiting = new Records();
    waiting.garbage = garbage;
    await waiting.start();
    await eventually(() => expect(waiting.told).toEqual(['taken over']));
    waiting.garbage = garbage;
    waiting.sequence += 1;
    await eventually(() => expect(waiting.garbage).toBeUndefined());
    expect(waiting.holder).toBe('me');
    expect(waiting.told).toEqual(['taken over']);
    await waiting.lease.release(true);
  },
);

test('the record of a new pool is free, that of an old one whose record was deleted is nobody’s', async () => {
  const fresh = new Records();
  fresh.isThere = false;
  await fresh.start(false);
  await eventually(() => expect(fresh.told).toEqual(['handed over']));
  await fresh.lease.release(true);

  const old = new Records();
  old.isThere = false;
  await old.start(true);
  expect(old.holder).toBe('nobody');
  // Whoever held the deleted one has given up by then.
  await eventually(() => expect(old.told).toEqual(['taken over']));
  await old.lease.release(true);
});

test('a record tells when another has written it, by the server’s clock, and nothing of one’s own', async () => {
  const old = new Records();
  expect(await old.lease.declare(true)).toEqual(new Date(0));
  const own = new Records();
  own.isThere = false;
  expect(await own.lease.declare(false)).toBeUndefined();
});
