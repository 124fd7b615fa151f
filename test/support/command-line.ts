import { resolve } from 'node:path';
import { runNode, startNode } from './run-node.js';
import type { ChildProcess, ExitReport, RunOptions } from './run-node.js';

// Built by the global setup of *.e2e.test.ts and *.faults.test.ts.
const main = resolve(import.meta.dirname, '../../dist/cli.js');

/** Runs `signalbox <args>` as users do, to its end. Never rejects: look at `code`. */
export function runSignalbox(args: readonly string[], options?: RunOptions): Promise<ExitReport> {
  return runNode(main, args, options);
}

/** Starts `signalbox <args>` as users do; for commands that run until they are stopped. */
export function startSignalbox(args: readonly string[], options?: RunOptions): ChildProcess {
  return startNode(main, args, options);
}
