import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { startPrivateRabbitmq, type PrivateRabbitmq } from '../../support/private-rabbitmq.js';
import { openRabbitmqPlace } from './rabbitmq-place.js';

/** Of its own: a broker of 3.10 can lose the supervisor of its dead letters for good by this. */
let broker: PrivateRabbitmq;
const rounds = process.env['SIGNALBOX_FAULTS'] === 'long' ? 100 : 12;

beforeAll(async () => {
  broker = await startPrivateRabbitmq();
}, 120_000);
afterAll(() => broker.dispose());

describe('a pool', () => {
  it.each([
    ['one bus', 1],
    ['two buses, which share nothing, as in two processes', 2],
  ])(
    'whose members on %s all remove it, round after round, is there again for whoever joins, and the broker is well',
    async (_, buses) => {
      const place = await openRabbitmqPlace(broker.url);
      try {
        const first = place.connect();
        const second = buses === 1 ? first : place.connect();
        const options = { pool: 'p', order: 'member' } as const;
        for (let round = 0; round < rounds; round += 1) {
          const members = await Promise.all([
            first.subscribe(['#'], () => {}, options),
            second.subscribe(['#'], () => {}, options),
          ]);
          await first.publish(message('a'));
          await Promise.all(members.map((member) => member.unsubscribe({ removePool: true })));
          expect(await first.hasPool('p')).toBe(false);
        }
        const recorder = new Recorder();
        await first.subscribe(['#'], recorder.handler, { pool: 'p' });
        await second.publish(message('a', { id: 'last' }));
        await recorder.atLeast(1);
        // Without it nobody on this broker could make a pool.
        const supervisor = await broker.ctl('eval', 'is_pid(whereis(rabbit_fifo_dlx_sup)).');
        expect(supervisor).toContain('true');
      } finally {
        await place.dispose();
      }
    },
    120_000,
  );
});
