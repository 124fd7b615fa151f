import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCloud } from '../../e2e/support/cloud.js';
import { Probe } from '../../e2e/support/probe.js';
import { openRabbitmqPlace } from '../../delivery/amqp/rabbitmq-place.js';
import { eventually } from '../../support/eventually.js';
import { serviceUrl } from '../../support/service-url.js';
import { Watcher } from './watcher.js';

/** What happens: to a resource, or to the connections of every bus. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('move' as const), which: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('create' as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('remove' as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('cut' as const), which: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('away' as const), which: fc.nat(5) }) },
);

test.each(['sqlite', 'postgres'] as const)(
  'on %s, whatever is moved and lost, a watcher holds the table in the end, and revisions only rise',
  async (kind) => {
    await using cloud = await openCloud(kind);
    const place = await openRabbitmqPlace(serviceUrl('rabbitmq'));
    const bus = place.connect({ connectTimeout: 10_000, publishTimeout: 5_000 });
    const signalbox = await cloud.open({ bus, deadlines: false, relay: { pollInterval: 50 } });
    const watcher = new Watcher(await signalbox.watch(Probe, { buffer: 50 }));
    const alive: string[] = [];
    const table = async () => {
      const rows = await cloud.dataSource.manager.find(Probe);
      return rows.map(({ uuid, state, revision }) => `${uuid} ${state} ${revision}`).sort();
    };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        for (const { what, which } of steps) {
          const uuid = alive[which % Math.max(1, alive.length)];
          if (what === 'create' || uuid === undefined) {
            alive.push((await signalbox.create(Probe)).uuid);
          } else if (what === 'move') {
            const row = await cloud.dataSource.manager.findOneByOrFail(Probe, { uuid });
            await signalbox.transition(Probe, uuid, row.state === 'Idle' ? 'Rest' : 'Woke');
          } else if (what === 'remove') {
            await signalbox.remove(await cloud.dataSource.manager.findOneByOrFail(Probe, { uuid }));
            alive.splice(alive.indexOf(uuid), 1);
          } else if (what === 'cut') {
            place.proxy.cut();
          } else {
            // Away for a while: what is committed meanwhile waits in the outbox.
            place.proxy.refuse();
            place.proxy.cut();
            await delay(which * 20);
            place.proxy.open();
          }
        }
        await eventually(async () => expect(watcher.rows()).toEqual(await table()), {
          deadline: 40_000,
        });
      }),
      { numRuns: 8, endOnFailure: true },
    );
    await signalbox.close();
    await watcher.ended;
    await place.dispose();
  },
  120_000,
);
