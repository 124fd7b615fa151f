import type { FaultWorld } from '../support/fault-world.js';

/** What a process takes when a round is over and all is quiet. */
export interface SoakSample {
  readonly time: string;
  readonly changes: number;
  readonly deliveries: number;
  /** Megabytes, after a collection. */
  readonly heap: number;
  /** Megabytes. */
  readonly resident: number;
  /** Sockets, timers and the like that keep the process alive. */
  readonly handles: number;
}

const megabyte = 2 ** 20;

/** Rounds until caches are filled and code is compiled. */
const warmUp = 2;

/** Measures now. Node must run with `--expose-gc`. */
export async function takeSample(world: FaultWorld): Promise<SoakSample> {
  await globalThis.gc?.({ execution: 'async' });
  const { heapUsed, rss } = process.memoryUsage();
  return {
    time: new Date().toISOString().slice(11, 19),
    changes: world.work.done,
    deliveries: world.deliveries,
    heap: heapUsed / megabyte,
    resident: rss / megabyte,
    handles: process.getActiveResourcesInfo().length,
  };
}

/** One line for the terminal. */
export function sampleLine(round: number, sample: SoakSample): string {
  const { time, changes, deliveries, heap, resident, handles } = sample;
  return [
    `round ${round}`.padEnd(9),
    time,
    `${changes} changes`.padStart(15),
    `${deliveries} deliveries`.padStart(17),
    `heap ${heap.toFixed(1)} MB`,
    `resident ${resident.toFixed(0)} MB`,
    `${handles} handles`,
    'outbox 0',
  ].join('  ');
}

/** What grew from the first to the last third of the rounds, the warm-up left out; empty when nothing did. */
export function growthFaults(samples: readonly SoakSample[]): readonly string[] {
  const settled = samples.slice(warmUp);
  const third = Math.floor(settled.length / 3);
  if (third === 0) {
    return [
      `${samples.length} rounds are too few to tell whether anything grows; give more minutes`,
    ];
  }
  const grew = (what: string, of: (sample: SoakSample) => number, allowed: number): string[] => {
    const [before, after] = [settled.slice(0, third), settled.slice(-third)].map((part) =>
      median(part.map(of)),
    ) as [number, number];
    return after - before <= allowed
      ? []
      : [`${what} grew from ${before.toFixed(1)} to ${after.toFixed(1)}, by more than ${allowed}`];
  };
  return [
    ...grew('the heap in MB', ({ heap }) => heap, 8),
    ...grew('resident memory in MB', ({ resident }) => resident, 48),
    ...grew('the number of handles', ({ handles }) => handles, 4),
  ];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
