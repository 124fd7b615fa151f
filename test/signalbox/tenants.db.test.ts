import { expect, test } from 'vitest';
import { Volume } from '../../src/cli/demo/entities.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import type { WatchEvent } from '../../src/consuming/watch/watch-event.js';
import { openCloud } from '../e2e/support/cloud.js';
import { eachDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';

eachDatabase((kind) => {
  test('of a resource that changes hands each owner reads, hears and is replayed its own time', async () => {
    await using cloud = await openCloud(kind);
    await using bus = memoryBus();
    const signalbox = await cloud.open({ bus });
    const heard: SignalboxEvent[] = [];
    await signalbox.subscribe({ account: 'a' }, (event) => void heard.push(event));
    await signalbox.subscribe({ account: 'a' }, () => {}, { pool: 'of-a' });
    const watched: WatchEvent[] = [];
    const watch = await signalbox.watch(Volume, { account: 'a' });
    const watching = (async () => {
      for await (const each of watch) watched.push(each);
    })();

    const { uuid } = await signalbox.create(Volume, { sizeGib: 1, account: 'a' });
    await signalbox.transition(Volume, uuid, 'CreateRequested', { reason: 'of a' });
    await cloud.dataSource.transaction(async (manager) => {
      const volume = await manager.findOneByOrFail(Volume, { uuid });
      volume.account = 'b';
      await manager.save(volume);
      await signalbox.transition(Volume, uuid, 'OperationSucceeded', {
        reason: 'secret of b',
        actor: 'bob',
        manager,
      });
    });
    const own = await signalbox.history(Volume, uuid, { account: 'a' });
    expect(own.map(({ revision }) => revision)).toEqual([1, 2]);
    const others = await signalbox.history(Volume, uuid, { account: ['b', 'c'], limit: 1 });
    expect(others.map(({ revision }) => revision)).toEqual([3]);
    await expect(
      signalbox.history(Volume, uuid, { account: undefined } as object),
    ).rejects.toMatchObject({
      code: 'FILTER_INVALID',
    });
    const replayed = await signalbox.replay({ account: 'a' }, { pool: 'of-a', dryRun: true });
    expect(replayed.replayed).toBe(own.length);
    await eventually(() => expect(watched.at(-1)).toMatchObject({ type: 'removed', gone: false }));
    await eventually(() => expect(heard.map(({ revision }) => revision)).toEqual([1, 2]));
    expect(JSON.stringify([watched, heard])).not.toMatch(/secret of b|bob|"b"/);
    await watch.close();
    await watching;
  });
});
