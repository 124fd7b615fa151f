// A server of the service `volumes` in a process of its own, to be killed at a chosen moment.
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { rabbitmq } from 'signalbox/amqp';
import { ServiceManager, type Call } from 'signalbox/rpc';
import type { Execution, VolumesService } from './volumes-service.js';

/** What a server is told. */
export interface ServiceProcessTask {
  readonly url: string;
  readonly exchange: string;
  readonly concurrency: number;
  /** Where each execution is written down before it begins. */
  readonly file: string;
}

const { url, exchange, concurrency, file } = JSON.parse(
  process.argv[2] ?? '',
) as ServiceProcessTask;

async function execute(method: Execution['method'], { id }: Call): Promise<Execution> {
  const execution: Execution = { id, method, pid: process.pid };
  // One write for each line, so that it is known whatever happens to the process.
  appendFileSync(file, `${JSON.stringify(execution)}\n`);
  await delay(20);
  return execution;
}

const services = new ServiceManager<{ volumes: VolumesService }>({
  bus: rabbitmq({ url, exchange }),
});
await services.expose(
  'volumes',
  {
    attach: (_args, call) => execute('attach', call),
    describe: { idempotent: true, handle: (_args, call) => execute('describe', call) },
  },
  { concurrency },
);
process.once('SIGTERM', () => {
  void services.close().then(() => process.exit(0));
});
console.log('ready');
