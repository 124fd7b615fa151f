import { afterEach, expect, test } from 'vitest';
import { LeaseKeeper } from '../../../src/delivery/relay/lease-keeper.js';
import type { LeaseGrant, LeaseStore } from '../../../src/core/stores/lease-store.js';
import { eventually } from '../../support/eventually.js';

let keeper: LeaseKeeper;

afterEach(() => keeper.stop(() => false));

interface Script {
  grant: LeaseGrant;
  failing: boolean;
}

function start(script: Script, time: { now: number; wall: number }) {
  const log: string[] = [];
  let finish: () => void = () => undefined;
  const leases: LeaseStore = {
    acquire: async () => {
      if (script.failing) throw new Error('away');
      return script.grant;
    },
    release: async (_, shares) => void log.push(`release ${shares.join()}`),
    leave: async (_, keep) => void log.push(`leave ${keep.join()}`),
  };
  keeper = new LeaseKeeper({
    leases,
    relay: 'a',
    duration: 30,
    clock: { monotonic: () => time.now, wall: () => time.wall },
    onChange: (dropped) => log.push(`drop ${[...dropped].join()}`),
    onLost: () => log.push('lost'),
    quiesce: () => new Promise<void>((resolve) => (finish = resolve)),
    onFailure: () => undefined,
  });
  keeper.start();
  return { log, finish: () => finish() };
}

test.each(['now', 'wall'] as const)(
  'a lease is over when either clock says so: %s',
  async (clock) => {
    const time = { now: 0, wall: 0 };
    const script = { grant: { partitions: [1, 2], surplus: [] }, failing: false };
    expect(start(script, time).log).toEqual([]);
    expect(keeper.valid()).toBe(false);
    await keeper.tried;
    expect(keeper.valid()).toBe(true);
    script.failing = true;
    // A fifth is kept for what is on its way.
    time[clock] = 24;
    expect(keeper.valid()).toBe(false);
  },
);

test('a share held again after the lease ran out is not the one held before', async () => {
  const time = { now: 0, wall: 0 };
  const script = { grant: { partitions: [1, 2], surplus: [] }, failing: false };
  const { log } = start(script, time);
  await keeper.tried;
  const generation = keeper.generation(1);
  expect(keeper.generation(3)).toBe(undefined);
  script.failing = true;
  time.now = 1000;
  script.failing = false;
  await eventually(() => expect(log).toContain('lost'));
  expect(log).toEqual(['drop ', 'lost', 'drop 1,2']);
  expect(keeper.generation(1)).not.toBe(generation);
});

test('surplus is given back when nothing of it is under way, and not read meanwhile', async () => {
  const time = { now: 0, wall: 0 };
  const script: Script = { grant: { partitions: [1, 2, 3], surplus: [] }, failing: false };
  const { log, finish } = start(script, time);
  await keeper.tried;
  script.grant = { partitions: [1, 2, 3], surplus: [2, 3] };
  await eventually(() => expect(log).toContain('drop 2,3'));
  expect(keeper.readable()).toEqual([1]);
  expect(keeper.generation(2)).toBe(undefined);
  expect(log.filter((line) => line.startsWith('release'))).toEqual([]);
  script.grant = { partitions: [1], surplus: [] };
  finish();
  await eventually(() => expect(log).toContain('release 2,3'));
});

test('a relay that stops keeps the shares where something is under way', async () => {
  const script = { grant: { partitions: [1, 2, 3], surplus: [] }, failing: false };
  const { log } = start(script, { now: 0, wall: 0 });
  await keeper.tried;
  await keeper.stop((share) => share === 2);
  expect(log.at(-1)).toBe('leave 2');
  expect(keeper.valid()).toBe(false);
});
