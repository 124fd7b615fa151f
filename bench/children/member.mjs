// A member of a pool in a process of its own. Its parent adds up what the members have handled.
import { rabbitmq } from '../../dist/amqp.js';

const { url, exchange } = JSON.parse(process.argv[2]);
const bus = rabbitmq({ url, exchange });
let handled = 0;
let report;
let before;
await bus.connect();

process.on('message', (message) => void (message === 'begin' ? begin() : finish()));
process.send('ready');

async function begin() {
  before = process.cpuUsage();
  report = setInterval(() => process.send({ handled }), 5);
  const options = { pool: 'members', prefetch: 500, order: 'member' };
  await bus.subscribe(['#'], () => void (handled += 1), options);
}

async function finish() {
  clearInterval(report);
  const { user, system } = process.cpuUsage(before);
  process.send({ events: handled, microseconds: user + system });
  await bus.close();
  process.disconnect();
}
