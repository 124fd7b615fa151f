import { expect, test } from 'vitest';
import { rabbitmq } from '../../src/delivery/amqp/index.js';
import { message } from '../../src/testing/bus-conformance/recorder.js';
import { removeTopology } from '../delivery/amqp/rabbitmq-place.js';
import { openCloud } from '../e2e/support/cloud.js';
import { eachDatabase } from '../support/databases.js';
import { serviceUrl } from '../support/service-url.js';
import { uniqueName } from '../support/unique-name.js';
import { startDriver } from './support/start-driver.js';

eachDatabase((kind) => {
  test('a consumer killed between its commit and its acknowledgement has its effect once', async () => {
    await using cloud = await openCloud(kind);
    await cloud.dataSource.query('CREATE TABLE ledger (entry varchar(64) NOT NULL)');
    const place = { url: serviceUrl('rabbitmq'), exchange: uniqueName('inbox') };
    const task = { task: 'bill', database: cloud.url, bus: place } as const;
    await using bus = rabbitmq(place);
    {
      await using first = startDriver({ ...task, hold: true });
      await first.line('ready');
      for (const id of ['a', 'b']) await bus.publish(message('k', { id, partitionKey: id }));
      await first.line('committed a first');
      await first.line('committed b first');
      first.kill('SIGKILL');
      expect((await first.exited).signal).toBe('SIGKILL');
    }
    await using second = startDriver({ ...task, hold: false });
    // The broker gives both again, and no handler is run for them.
    await second.line('committed a again');
    await second.line('committed b again');
    await bus.publish(message('k', { id: 'c' }));
    await second.line('committed c first');
    const rows: { entry: string }[] = await cloud.dataSource.query(
      'SELECT entry FROM ledger ORDER BY entry',
    );
    expect(rows.map(({ entry }) => entry)).toEqual(['a', 'b', 'c']);
    second.kill('SIGTERM');
    await second.exited;
    await bus.close();
    await removeTopology(place.url, place.exchange, ['billing']);
  });
});
