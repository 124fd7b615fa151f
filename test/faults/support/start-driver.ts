import { resolve } from 'node:path';
import { startNode, type ChildProcess, type RunOptions } from '../../support/run-node.js';
import type { DriverTask } from './driver.js';

/** Starts a driver in its own process. */
export function startDriver(task: DriverTask, options?: RunOptions): ChildProcess {
  return startNode(resolve(import.meta.dirname, 'driver.ts'), [JSON.stringify(task)], options);
}
