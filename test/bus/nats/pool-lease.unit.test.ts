import { expect, test } from 'vitest';
import type { NatsConnector } from '../../../src/bus/nats/connection.js';
import { natsNames } from '../../../src/bus/nats/names.js';
import { PoolLease, type Succession } from '../../../src/bus/nats/pool-lease.js';
import { Gate } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';

test('a member that renewed its record too late has regained it, whoever it had it from', async () => {
  let stored = { holder: null as string | null, seq: 1 };
  let gate: Gate | undefined;
  const manager = {
    streams: {
      getMessage: async () => {
        const { holder, seq } = stored;
        return { seq, json: () => ({ order: 'pool', holder }) };
      },
    },
    jetstream: () => ({
      publish: async (_: string, body: string) => {
        await gate?.pass();
        stored = { holder: (JSON.parse(body) as typeof stored).holder, seq: stored.seq + 1 };
        return { seq: stored.seq };
      },
    }),
  };
  const nats = { subscribe: () => ({ unsubscribe: () => undefined }) };
  const connector = {
    ready: async () => ({ nats, manager }),
    unlessGone: async (work: Promise<unknown>) => work,
  };
  const lease = new PoolLease({
    connector: connector as unknown as NatsConnector,
    names: natsNames('stream'),
    pool: 'pool',
    order: 'pool',
    member: 'me',
    ackWait: 100,
  });
  const told: (Succession | 'lost')[] = [];
  await lease.declare();
  lease.start({
    acquired: (succession) => told.push(succession),
    missing: () => undefined,
    lost: () => told.push('lost'),
  });
  await eventually(() => expect(told).toEqual(['handed over']));
  gate = new Gate();
  await eventually(() => expect(told).toEqual(['handed over', 'lost']));
  gate.open();
  gate = undefined;
  await eventually(() => expect(told.slice(0, 3)).toEqual(['handed over', 'lost', 'regained']));
  await lease.release(true);
  expect(stored.holder).toBe(null);
});
