import { type Failpoint, failpoints } from '../../core/failpoints/failpoints.js';
import type { CrashMoment } from './run-crash.js';

// A consumer may have a message before the relay hears of the confirm, so its steps follow the publish.
const besideConsumer: readonly Failpoint[] = ['confirm', 'delete'];
const ofConsumer: readonly Failpoint[] = failpoints.slice(failpoints.indexOf('deliver'));

/**
 * The moments between every pair of steps that follow each other, in their order, for a scenario that
 * came to these points one after another. Pure.
 */
export function crashMoments(passed: readonly Failpoint[]): readonly CrashMoment[] {
  const taken = failpoints.filter((point) => passed.includes(point));
  return [
    ...taken.map((point, index) => {
      const before = taken
        .slice(0, index)
        .filter((other) => !ofConsumer.includes(point) || !besideConsumer.includes(other))
        .filter((other) => passed.lastIndexOf(point) > passed.indexOf(other));
      return { point, after: before.at(-1) ?? null };
    }),
    { point: 'end', after: null },
  ];
}

/** Names a moment for messages. */
export function momentName({ point, after }: CrashMoment): string {
  if (point === 'end') return 'after everything';
  return after === null ? `before ${point}` : `between ${after} and ${point}`;
}
