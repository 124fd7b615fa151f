import { appendFileSync } from 'node:fs';
import { rabbitmq } from '../../../src/delivery/amqp/rabbitmq.js';
import { kafka } from '../../../src/delivery/kafka/kafka.js';
import { nats } from '../../../src/delivery/nats/nats.js';

/** What a member of a pool does in a process of its own. */
export interface CrashingTask {
  readonly bus: 'rabbitmq' | 'nats' | 'kafka';
  readonly url: string;
  readonly exchange: string;
  readonly deliveryLimit: number;
  readonly concurrency: number;
  readonly order: 'pool' | 'member';
  /** Where it writes the ids that it has handled, one a line. */
  readonly handled: string;
}

const task = JSON.parse(process.argv[2] ?? '') as CrashingTask;
const { url, exchange, deliveryLimit, concurrency, order } = task;
const buses = {
  rabbitmq: () => rabbitmq({ url, exchange, deliveryLimit }),
  nats: () => nats({ url, stream: exchange, deliveryLimit, ackWait: 500 }),
  kafka: () => kafka({ brokers: url, topic: exchange, deliveryLimit, sessionTimeout: 4_000 }),
};
const bus = buses[task.bus]();
await bus.subscribe(
  ['#'],
  async ({ id }) => {
    if (id.startsWith('culprit')) process.exit(1);
    // Others are under way when it ends the process.
    await new Promise((resolve) => setTimeout(resolve, 5));
    appendFileSync(task.handled, `${id}\n`);
    console.log(`handled ${id}`);
  },
  { pool: 'p', concurrency, order },
);
console.log('subscribed');
