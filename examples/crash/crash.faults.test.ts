import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { removeTopology } from '../../test/delivery/amqp/rabbitmq-place.js';
import { serviceUrl } from '../../test/support/service-url.js';
import { uniqueName } from '../../test/support/unique-name.js';
// #region crash
import { crashMatrix, deliveryFaults } from 'signalbox/testing';
import { expect, it } from 'vitest';
import { LoadBalancer } from '../load-balancer.js';
import { type Place, start } from './shop.js';

// #endregion
const loader = new URL('../../test/support/typescript-loader.mjs', import.meta.url).href;
const prepare = async (): Promise<Place> => {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-shop-'));
  return {
    database: join(directory, 'shop.sqlite'),
    broker: { url: serviceUrl('rabbitmq'), exchange: uniqueName('shop') },
    handled: join(directory, 'handled'),
  };
};
const dispose = async ({ broker, handled }: Place) => {
  await removeTopology(broker.url, broker.exchange, ['shop']);
  await rm(dirname(handled), { recursive: true, force: true });
};
// #region crash
it('nothing is lost wherever the process dies', async () => {
  const { crashes } = await crashMatrix<Place>({
    scenario: new URL('./shop.ts', import.meta.url),
    execArgv: ['--import', loader], // what runs your TypeScript, such as 'tsx'
    prepare, // a new place for each run
    dispose,
    parallel: 3, // processes at once
    timeout: 120_000, // for each; it bounds a failure
    expected: ['guard', 'journal', 'commit', 'publish', 'handle', 'ack'],
    check: async ({ place }) => {
      // What an operator does: starts it again.
      const { dataSource, log, quiet, stop } = await start(place);
      const committed = await quiet();
      const rows = await dataSource.manager.find(LoadBalancer);
      expect(deliveryFaults({ committed, delivered: await log.read(), rows })).toEqual([]);
      await stop();
    },
  });
  console.log(crashes.map(({ name }) => name).join('\n'));
}, 480_000);
// #endregion
