// A member of an ordered pool in a process of its own, to be killed.
import { nats } from '../../../src/delivery/nats/index.js';

const [url = '', stream = '', pool = ''] = process.argv.slice(2);
const bus = nats({ url, stream, ackWait: 1_000 });
await bus.subscribe(
  ['#'],
  async ({ id }) => {
    process.stdout.write(`handled ${id}\n`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  },
  { pool, prefetch: 20 },
);
process.stdout.write('subscribed\n');
