import type { Signalbox } from '../../signalbox/signalbox.js';
import { VirtualMachine } from './entities.js';

/** How many lives are driven at once: enough for transitions to share commits. */
const concurrency = 256;

/**
 * Drives `count` machines through their whole lives, many at once.
 *
 * @param onDone Called after each life with how many are done.
 */
export async function runLoad(
  signalbox: Signalbox,
  count: number,
  onDone: (done: number) => void,
): Promise<void> {
  let started = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      await live(signalbox, `load-${started}`);
      done += 1;
      onDone(done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, worker));
}

async function live(signalbox: Signalbox, name: string): Promise<void> {
  const { uuid } = await signalbox.create(VirtualMachine, { name });
  await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
  await signalbox.transition(VirtualMachine, uuid, 'OperationSucceeded');
  await signalbox.transition(VirtualMachine, uuid, 'StopRequested');
  await signalbox.transition(VirtualMachine, uuid, 'OperationSucceeded');
  await signalbox.transition(VirtualMachine, uuid, 'DestroyRequested');
  await signalbox.transition(VirtualMachine, uuid, 'ExpungeOperation');
  await signalbox.transition(VirtualMachine, uuid, 'OperationSucceeded');
}
