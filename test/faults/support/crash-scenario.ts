// A life that comes to every crash point: creation, a transition, a transition sent to a loaded entity,
// their relay to RabbitMQ, and a pool that writes down what it handles. The crash kit runs it.
import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { idempotent, type SignalboxEvent } from 'signalbox';
import { rabbitmq } from 'signalbox/amqp';
import { deliveryLog } from 'signalbox/testing';
import { openForDriver, VirtualMachine } from './driver-signalbox.js';
import { noteHandled } from './handled-table.js';

/** Where a run of the scenario takes place. */
export interface CrashPlace {
  readonly database: string;
  readonly bus: { readonly url: string; readonly exchange: string };
  /** Where the pool writes down what it handles. */
  readonly file: string;
}

/** Events that the life is announced by. */
const announced = 5;

export async function scenario({ database, bus, file }: CrashPlace): Promise<void> {
  const { signalbox, dataSource } = await openForDriver(database, rabbitmq(bus));
  const log = deliveryLog(file);
  await signalbox.subscribe(
    '#',
    idempotent(dataSource, async (manager, event: SignalboxEvent) => {
      await noteHandled(manager, event);
      log.record(event);
    }),
    { pool: 'all', concurrency: 4 },
  );
  const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
  console.log('resolved Created');
  await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
  console.log('resolved StartRequested');
  await dataSource.transaction(async (manager) => {
    const machine = await manager.findOneByOrFail(VirtualMachine, { uuid });
    signalbox.send(machine, 'OperationSucceeded');
    await manager.save(machine);
  });
  console.log('resolved OperationSucceeded');
  await signalbox.transition(VirtualMachine, uuid, 'StopRequested');
  console.log('resolved StopRequested');
  while ((await log.read()).length < announced || (await signalbox.outboxDepth()).pending > 0) {
    await delay(10);
  }
}
