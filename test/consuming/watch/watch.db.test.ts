import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';
import { type Cloud, openCloud } from '../../e2e/support/cloud.js';
import { Probe } from '../../e2e/support/probe.js';
import { eachDatabase } from '../../support/databases.js';
import { eventually } from '../../support/eventually.js';
import { Watcher } from './watcher.js';

/** An in-process bus whose ephemeral subscriptions can be cut off, as those of a broker can. */
function cuttable(inner: Bus) {
  let cut = false;
  const listeners = new Set<() => void>();
  const original = inner.subscribe.bind(inner);
  inner.subscribe = (patterns, handler, options = {}) => {
    if (options.onMissed !== undefined) listeners.add(options.onMissed);
    return original(
      patterns,
      (delivery, signal) => (cut ? undefined : handler(delivery, signal)),
      options,
    );
  };
  return {
    bus: inner,
    cut() {
      cut = true;
    },
    mend() {
      cut = false;
      for (const listener of listeners) listener();
    },
  };
}

eachDatabase((kind) => {
  let cloud: Cloud;
  let link: ReturnType<typeof cuttable>;
  let signalbox: Signalbox;
  const watchers: Watcher[] = [];

  beforeAll(async () => {
    cloud = await openCloud(kind);
  });
  afterAll(() => cloud[Symbol.asyncDispose]());
  beforeEach(async () => {
    for (const table of ['probe', 'signalbox_outbox', 'signalbox_deadline'])
      await cloud.dataSource.query(`DELETE FROM ${table}`);
    link = cuttable(memoryBus());
    signalbox = await cloud.open({ bus: link.bus, deadlines: false });
  });
  afterEach(async () => {
    await signalbox.close();
    await link.bus.close();
    // What a watcher expected while it followed.
    await Promise.all(watchers.splice(0).map(({ ended }) => ended));
  });

  async function watching(options: Parameters<Signalbox['watch']>[1] = {}): Promise<Watcher> {
    const watcher = new Watcher(await signalbox.watch(Probe, options as object));
    watchers.push(watcher);
    return watcher;
  }

  async function table(): Promise<readonly string[]> {
    const rows = await cloud.dataSource.manager.find(Probe);
    return rows.map(({ uuid, state, revision }) => `${uuid} ${state} ${revision}`).sort();
  }

  async function born(account?: string): Promise<string> {
    return (await signalbox.create(Probe, account === undefined ? {} : { account })).uuid;
  }

  async function round(uuid: string, rounds = 1): Promise<void> {
    for (let index = 0; index < rounds; index += 1) {
      await signalbox.transition(Probe, uuid, 'Rest');
      await signalbox.transition(Probe, uuid, 'Woke');
    }
  }

  async function remove(uuid: string): Promise<void> {
    await signalbox.remove(await cloud.dataSource.manager.findOneByOrFail(Probe, { uuid }));
  }

  const agrees = (watcher: Watcher) =>
    eventually(async () => expect(watcher.rows()).toEqual(await table()));

  test('the list comes first, then each change', async () => {
    const uuid = await born('acme');
    const watcher = await watching();
    await eventually(() => expect(watcher.count('synced')).toBe(1));
    const other = await born();
    await round(other);
    // There is no order between resources.
    await eventually(() => expect(watcher.events.length).toBe(5));
    await remove(uuid);
    await eventually(() => expect(watcher.events.length).toBe(6));
    expect(
      watcher.events.map((event) =>
        'resource' in event
          ? [event.type, event.resource.uuid, event.resource.state]
          : [event.type],
      ),
    ).toEqual([
      ['snapshot', uuid, 'Idle'],
      ['synced'],
      ['added', other, 'Idle'],
      ['changed', other, 'Resting'],
      ['changed', other, 'Idle'],
      ['removed', uuid, 'Idle'],
    ]);
    expect(watcher.events[0]).toMatchObject({ resource: { account: 'acme' } });
  });

  test('between the list and the changes nothing is lost, repeated or reordered', async () => {
    const uuids = await Promise.all(Array.from({ length: 8 }, () => born()));
    let busy = true;
    const load = Promise.all(
      uuids.map(async (uuid) => {
        while (busy) await round(uuid);
      }),
    );
    const early = [await watching(), await watching({ from: 'now' })];
    await eventually(() => {
      for (const watcher of early) expect(watcher.count('changed')).toBeGreaterThan(40);
    });
    busy = false;
    await load;
    const final = new Map(
      (await cloud.dataSource.manager.find(Probe)).map((row) => [row.uuid, row.revision]),
    );
    for (const watcher of early) {
      await eventually(() => {
        for (const uuid of uuids) expect(watcher.revisions(uuid).at(-1)).toBe(final.get(uuid));
      });
      for (const uuid of uuids) {
        const told = watcher.revisions(uuid);
        const [first = 0] = told;
        // From `now` on, the first comparison may tell the newest of several.
        const steps = told.map((revision, index) => revision - (told[index - 1] ?? first - 1));
        expect(steps.slice(2).every((step) => step === 1)).toBe(true);
      }
      expect(watcher.count('resync')).toBe(0);
    }
    const snapshots = early[0] as Watcher;
    for (const uuid of uuids) {
      const told = snapshots.revisions(uuid);
      expect(told).toEqual(told.map((_, index) => (told[0] ?? 0) + index));
    }
  });

  test('after a loss it reads anew: what changed, came and went meanwhile is told', async () => {
    const [kept, gone] = [await born(), await born()];
    const watcher = await watching();
    await eventually(() => expect(watcher.count('synced')).toBe(1));
    link.cut();
    await round(kept);
    await remove(gone);
    const fresh = await born();
    await eventually(async () => expect((await signalbox.outboxDepth()).pending).toBe(0));
    expect(watcher.events.length).toBe(3);
    link.mend();
    await agrees(watcher);
    expect(
      watcher.events
        .slice(3)
        .map((event) => event.type)
        .sort(),
    ).toEqual(['added', 'changed', 'removed', 'resync', 'synced'].sort());
    await round(fresh);
    await agrees(watcher);
  });

  test('a reader that is too slow gets a resync and not an endless queue', async () => {
    const uuid = await born();
    const watcher = await watching({ buffer: 5 });
    await eventually(() => expect(watcher.count('synced')).toBe(1));
    const resume = watcher.pause();
    await round(uuid, 10);
    await eventually(async () => expect((await signalbox.outboxDepth()).pending).toBe(0));
    resume();
    await agrees(watcher);
    await eventually(() => expect(watcher.count('resync')).toBe(1));
    expect(watcher.events.find(({ type }) => type === 'resync')).toEqual({
      type: 'resync',
      reason: 'overflow',
    });
  });

  test('a bookmark goes on where it was made, and an expired one begins anew', async () => {
    const [changed, gone, idle] = [await born(), await born(), await born()];
    const first = await watching();
    await eventually(() => expect(first.count('synced')).toBe(1));
    const bookmark = first.bookmark ?? -1;
    await round(changed);
    await remove(gone);
    const fresh = await born();
    const second = await watching({ from: bookmark });
    await eventually(() => expect(second.count('synced')).toBe(1));
    const told = second.events.map((event) =>
      'resource' in event ? `${event.type} ${event.resource.uuid}` : event.type,
    );
    // Events behind the bookmark may be told again where a position was still open; nothing is missing.
    expect(told).toEqual(
      expect.arrayContaining([`changed ${changed}`, `removed ${gone}`, `added ${fresh}`, 'synced']),
    );
    expect(told).not.toContain(`changed ${idle}`);
    expect(second.revisions(changed).at(-1)).toBe(first.revisions(changed)[0]! + 2);
    await round(idle);
    await eventually(() => expect(second.revisions(idle).length).toBe(2));

    await signalbox.outboxDepth();
    await eventually(async () => expect((await signalbox.outboxDepth()).pending).toBe(0));
    const { openStore } = await import('../../../src/persistence/open-store.js');
    const { journal } = openStore(cloud.dataSource);
    expect(
      await journal.purge({ before: new Date(Date.now() + 60_000).toISOString(), limit: 10_000 }),
    ).toBeGreaterThan(0);
    const third = await watching({ from: bookmark });
    await agrees(third);
    await eventually(() => expect(third.count('synced')).toBe(1));
    expect(third.events.find(({ type }) => type === 'resync')).toMatchObject({ reason: 'expired' });
    expect(third.count('snapshot')).toBe(3);
  });

  test('a filter that selects nobody is refused, and one of everybody by mistake', async () => {
    const empty = ['account', 'domain', 'project', 'states'].map((key) => ({ [key]: [] }));
    const unsaid = ['account', 'domain', 'project'].flatMap((key) =>
      [undefined, '', '*', ['']].map((value) => ({ [key]: value })),
    );
    const many = { account: Array.from({ length: 20_000 }, (_, index) => `a${index}`) };
    for (const options of [...empty, ...unsaid, many])
      for (const from of ['snapshot', 'now'] as const)
        await expect(
          signalbox.watch(Probe, { ...options, from } as object),
          JSON.stringify(options).slice(0, 80),
        ).rejects.toMatchObject({ code: 'FILTER_INVALID' });
  });

  test('a filter picks by account and state, and what leaves or enters it is told', async () => {
    const mine = await born('acme');
    await born('other');
    const watcher = await watching({ account: 'acme', states: ['Resting'] as never });
    await eventually(() => expect(watcher.count('synced')).toBe(1));
    expect(watcher.rows()).toEqual([]);
    await round(mine, 2);
    await born('acme');
    await eventually(() => expect(watcher.events.length).toBe(5));
    expect(watcher.events.slice(1).map(({ type }) => type)).toEqual([
      'added',
      'removed',
      'added',
      'removed',
    ]);
    expect(watcher.events[2]).toMatchObject({ gone: false, resource: { state: 'Idle' } });
  });

  test('what no event told is found by the comparison', async () => {
    const [uuid, gone] = [await born(), await born()];
    const watcher = await watching({ reconcile: 30 });
    await eventually(() => expect(watcher.count('synced')).toBeGreaterThan(0));
    // By hand, past the lifecycle: nothing is announced.
    await cloud.dataSource.query(
      `UPDATE probe SET revision = 9, state = 'Failed' WHERE uuid = '${uuid}'`,
    );
    await cloud.dataSource.query(`DELETE FROM probe WHERE uuid = '${gone}'`);
    await agrees(watcher);
    expect(watcher.resources.get(uuid)?.state).toBe('Failed');
  });

  test('leaving the loop and closing end it, and bad options are refused', async () => {
    await born();
    const watch = await signalbox.watch(Probe);
    for await (const { type } of watch) if (type === 'synced') break;
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    await watch.close();
    for (const bad of [{ buffer: 0 }, { reconcile: -1 }, { from: -1 }] as const)
      await expect(signalbox.watch(Probe, bad)).rejects.toMatchObject({
        code: 'CONFIG_VALUE_INVALID',
      });
    const open = await watching();
    await signalbox.close();
    await open.ended;
  });
});
