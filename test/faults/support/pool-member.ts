// A member of a consumer pool in a process of its own, to be killed. It writes down what it handles.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { rabbitmq } from 'signalbox/amqp';

/** What a member is told to do. */
export interface MemberTask {
  readonly url: string;
  readonly own: string;
  readonly pool: string;
  readonly exchange: string;
  readonly file: string;
  /** Milliseconds that handling takes. */
  readonly takes: number;
}

const task = JSON.parse(process.argv[2] ?? '{}') as MemberTask;
const bus = rabbitmq({ url: task.url, exchange: task.own });
await bus.joinConsumerPool(
  { pool: task.pool, topic: 'notifications.#', exchange: task.exchange, prefetch: 10 },
  async (body, { redelivered }) => {
    await delay(task.takes);
    appendFileSync(task.file, `${JSON.stringify({ body, redelivered, pid: process.pid })}\n`);
  },
);
process.stdout.write('joined\n');
