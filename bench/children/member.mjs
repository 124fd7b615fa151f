// A member of a pool in a process of its own. Its parent adds up what the members have handled.
import { rabbitmq } from '../../dist/amqp.js';
import { accountOf } from './account.mjs';

const { url, exchange } = JSON.parse(process.argv[2]);
const bus = rabbitmq({ url, exchange });
let handled = 0;
let subscription;
const account = accountOf(() => handled);
await bus.connect();
const report = setInterval(() => process.send({ handled }), 5);

const orders = {
  async begin() {
    account.begin();
    const options = { pool: 'members', prefetch: 500, order: 'member' };
    subscription = await bus.subscribe(['#'], () => void (handled += 1), options);
    process.send('begun');
  },
  async pause() {
    await subscription.unsubscribe();
    process.send('paused');
  },
  async finish() {
    clearInterval(report);
    process.send(account.end());
    await bus.close();
    process.disconnect();
  },
};
process.on('message', (order) => void orders[order]());
process.send('ready');
