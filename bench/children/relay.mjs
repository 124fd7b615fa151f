// A relay in a process of its own. Its parent tells when its account begins, and is told what it took.
import { DataSource } from 'typeorm';
import { rabbitmq } from '../../dist/amqp.js';
import { createRelay } from '../../dist/relay.js';
import { until } from '../until.mjs';
import { accountOf } from './account.mjs';

const { database, url, exchange, shares } = JSON.parse(process.argv[2]);
const dataSource = await new DataSource({ type: 'postgres', url: database }).initialize();
const bus = rabbitmq({ url, exchange });
await bus.connect();
const relay = createRelay({
  dataSource,
  bus,
  source: 'bench',
  options: { pollInterval: 10_000, leaseDuration: 2_000 },
});
const account = accountOf(() => relay.counts.published);
relay.start();
await until(async () => {
  const [{ held }] = await dataSource.query(
    'SELECT count(*)::int AS held FROM signalbox_lease WHERE relay = $1 AND expires_at > now()',
    [relay.id],
  );
  return held === shares;
}, `${shares} shares`);

const report = setInterval(() => process.send({ handled: relay.counts.published }), 5);

const orders = {
  begin() {
    account.begin();
    relay.wake();
    process.send('begun');
  },
  async finish() {
    clearInterval(report);
    process.send(account.end());
    await relay.stop();
    await bus.close();
    await dataSource.destroy();
    process.disconnect();
  },
};
process.on('message', (order) => void orders[order]());
process.send('ready');
