// What the fault tests run in processes of their own, to be killed at a chosen moment.
import 'reflect-metadata';
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { idempotent, memoryBus, type Signalbox } from 'signalbox';
import type { Delivery } from 'signalbox/bus';
import type { Bus } from 'signalbox/bus';
import { cloudEvents } from 'signalbox/formats';
import { subscribeEvents } from 'signalbox/bus';
import { rabbitmq } from 'signalbox/amqp';
import type { EntityManager } from 'typeorm';
import { Probe } from '../../e2e/support/probe.js';
import { connectDriver, openForDriver, VirtualMachine } from './driver-signalbox.js';

/** What a driver is told to do. */
export type DriverTask =
  /** Commits a few transitions, says so, and stays. */
  | { readonly task: 'commit'; readonly database: string; readonly publishes: 'never' | 'silently' }
  /**
   * Drives machines round and round until it is told to stop; SIGUSR2 stalls its event loop for ten
   * seconds.
   */
  | {
      readonly task: 'load';
      readonly database: string;
      readonly resources: number;
      /** Where the process publishes by itself; absent when relays do. */
      readonly bus?: { readonly url: string; readonly exchange: string };
    }
  /** Joins a pool and writes down each event it handles. */
  | {
      readonly task: 'member';
      readonly bus: { readonly url: string; readonly exchange: string };
      readonly pool: string;
      readonly file: string;
    }
  /**
   * Joins the pool `billing` with an idempotent handler that writes to the table `ledger`. Told to
   * `hold`, it commits each message and acknowledges none.
   */
  | {
      readonly task: 'bill';
      readonly database: string;
      readonly bus: { readonly url: string; readonly exchange: string };
      readonly hold: boolean;
    }
  /** Relays what is in the outbox, says so, and ends. */
  | {
      readonly task: 'drain';
      readonly database: string;
      readonly bus: { readonly url: string; readonly exchange: string };
    }
  /** Leaves a resource in a state with a deadline, says so, and stays. */
  | { readonly task: 'begin'; readonly database: string };

/** Milliseconds. */
const stall = 10_000;

const task = JSON.parse(process.argv[2] ?? '') as DriverTask;
const round = [
  'StartRequested',
  'OperationSucceeded',
  'StopRequested',
  'OperationSucceeded',
] as const;

async function open(database: string, bus: Bus | undefined): Promise<Signalbox> {
  return (await openForDriver(database, bus)).signalbox;
}

/** Takes every message and never confirms one: what is published stays unproven. */
function silentBus(): Bus {
  const bus = memoryBus();
  bus.publish = (message) => {
    console.log(`publishing ${message.id}`);
    return new Promise(() => undefined);
  };
  return bus;
}

async function commit(database: string, publishes: 'never' | 'silently'): Promise<void> {
  const signalbox = await open(database, publishes === 'never' ? undefined : silentBus());
  const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
  for (const event of round) await signalbox.transition(VirtualMachine, uuid, event);
  console.log(`committed ${uuid}`);
}

async function load({ database, resources, bus }: DriverTask & { task: 'load' }): Promise<void> {
  const signalbox = await open(database, bus === undefined ? undefined : rabbitmq(bus));
  let stopping = false;
  let moved = 0;
  process.once('SIGTERM', () => {
    stopping = true;
  });
  process.on('SIGUSR2', () => {
    console.log('stalls');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stall);
    console.log('goes on');
  });
  await Promise.all(
    Array.from({ length: resources }, async (_, index) => {
      const { uuid } = await signalbox.create(VirtualMachine, { name: `vm-${index}` });
      while (!stopping) {
        for (const event of round) await signalbox.transition(VirtualMachine, uuid, event);
        moved += round.length;
        if (moved % 100 < round.length) console.log(`moved ${moved}`);
        // Leaves the machine to the others: the faults are what is tried, not the speed.
        await delay(5);
      }
    }),
  );
  await signalbox.close();
  console.log(`ended ${moved}`);
  process.exit(0);
}

async function member({ bus, pool, file }: DriverTask & { task: 'member' }): Promise<void> {
  await subscribeEvents(
    rabbitmq(bus),
    cloudEvents,
    '#',
    ({ id, partitionkey, revision }, { redelivered }) => {
      // One write for each line, so that what was handled is known whatever happens to the process.
      appendFileSync(file, `${JSON.stringify({ id, partitionkey, revision, redelivered, pid: process.pid })}\n`); // prettier-ignore
    },
    { pool, concurrency: 8 },
  );
  console.log('ready');
}

async function bill({ database, bus, hold }: DriverTask & { task: 'bill' }): Promise<void> {
  const once = idempotent(
    await connectDriver(database),
    async (manager: EntityManager, { id }: Delivery) => {
      console.log(`handling ${id}`);
      await manager.query(`INSERT INTO ledger (entry) VALUES ('${id}')`);
    },
  );
  await rabbitmq(bus).subscribe(
    ['#'],
    async (delivery) => {
      await once(delivery);
      console.log(`committed ${delivery.id} ${delivery.redelivered ? 'again' : 'first'}`);
      if (hold) await new Promise(() => undefined);
    },
    { pool: 'billing', concurrency: 2 },
  );
  console.log('ready');
}

async function drain({ database, bus }: DriverTask & { task: 'drain' }): Promise<void> {
  const signalbox = await open(database, rabbitmq(bus));
  while ((await signalbox.outboxDepth()).pending > 0) await delay(100);
  await signalbox.close();
  console.log('drained');
  process.exit(0);
}

async function begin(database: string): Promise<void> {
  const signalbox = await open(database, undefined);
  const { uuid } = await signalbox.create(Probe);
  await signalbox.transition(Probe, uuid, 'Begin');
  console.log(`begun ${uuid}`);
}

switch (task.task) {
  case 'commit':
    await commit(task.database, task.publishes);
    break;
  case 'load':
    await load(task);
    break;
  case 'member':
    await member(task);
    break;
  case 'bill':
    await bill(task);
    break;
  case 'drain':
    await drain(task);
    break;
  case 'begin':
    await begin(task.database);
    break;
}
// Nothing may let the process end by itself: the test kills it.
await delay(2 ** 31 - 1);
