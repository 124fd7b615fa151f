// A relay in a process of its own. Its parent tells when to begin, and is told what it took.
import { DataSource } from 'typeorm';
import { rabbitmq } from '../../dist/amqp.js';
import { cloudEvents, createRelay, openStore } from '../../dist/index.js';
import { until } from '../until.mjs';

const { database, url, exchange, shares } = JSON.parse(process.argv[2]);
const dataSource = await new DataSource({ type: 'postgres', url: database }).initialize();
const bus = rabbitmq({ url, exchange });
await bus.connect();
const relay = createRelay({
  store: openStore(dataSource),
  buses: [bus],
  format: cloudEvents,
  origin: () => ({ source: 'bench', time: new Date().toISOString() }),
  options: { pollInterval: 200, leaseDuration: 2_000 },
});
relay.start();
await until(async () => {
  const [{ held }] = await dataSource.query(
    'SELECT count(*)::int AS held FROM signalbox_lease WHERE relay = $1 AND expires_at > now()',
    [relay.id],
  );
  return held === shares;
}, `${shares} shares`);
const before = process.cpuUsage();
process.send('ready');
process.once('message', () => void finish());

async function finish() {
  const { user, system } = process.cpuUsage(before);
  process.send({ events: relay.counts.published, microseconds: user + system });
  await relay.stop();
  await bus.close();
  await dataSource.destroy();
  process.disconnect();
}
