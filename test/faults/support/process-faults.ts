import type { Fault } from './broker-faults.js';

const hour = 3_600_000;

/** What may happen to the process that works. */
export function processFaults(): readonly Fault[] {
  const real = Date.now;
  const jump = (milliseconds: number): Pick<Fault, 'strike' | 'mend'> => ({
    strike: async () => {
      Date.now = () => real() + milliseconds;
    },
    mend: async () => {
      Date.now = real;
    },
  });
  return [
    // A relay then believes that its lease is long over, drops what it holds, and begins anew.
    { name: 'the clock of the process jumps an hour ahead', ...jump(hour) },
    { name: 'the clock of the process jumps an hour back', ...jump(-hour) },
  ];
}
