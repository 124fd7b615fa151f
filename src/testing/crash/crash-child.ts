// Runs a scenario in a process of its own, and kills the process at the point it is told. The crash kit
// starts it; what it reports goes to the third descriptor, so that the scenario's output stays its own.
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import { type Failpoint, crashPointChannel } from '../../core/failpoints/failpoints.js';
import type { CrashOrder } from './run-crash.js';

const { scenario, place, kill } = JSON.parse(process.argv[2] ?? '') as CrashOrder;
const reached = new Set<string | null>([null]);
// So many points are enough to tell which follow which, however long a scenario waits.
let reports = 10_000;

function pass(point: Failpoint | 'end'): void {
  if (kill?.point === point && reached.has(kill.after)) {
    writeSync(3, `killed ${point}\n`);
    // The kernel takes the process before this call returns: not one statement more is run.
    process.kill(process.pid, 'SIGKILL');
  }
  reached.add(point);
  if (reports > 0) writeSync(3, `reached ${point}\n`);
  reports -= 1;
}

subscribe(crashPointChannel, (point) => pass(point as Failpoint));
const module = (await import(scenario)) as { scenario?: (place: unknown) => unknown };
if (typeof module.scenario !== 'function') {
  throw new Error(`${scenario} exports no function named scenario.`);
}
await module.scenario(place);
pass('end');
process.exit(0);
