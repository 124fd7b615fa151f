import { traceFaults, type TraceFault, type TraceFaultCode } from './trace-fault.js';

/** Counts every fault and keeps the first few of each code, so that memory stays bounded. */
export class FaultList {
  readonly #limit: number;
  readonly #kept: TraceFault[] = [];
  readonly #counts = new Map<TraceFaultCode, number>();

  /** @param limit How many faults of each code to keep. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(fault: TraceFault): void {
    const count = (this.#counts.get(fault.code) ?? 0) + 1;
    this.#counts.set(fault.code, count);
    if (count > this.#limit) return;
    // Names come from the trace as they are; a terminal must not take them for commands.
    this.#kept.push({ ...fault, message: fault.message.replaceAll(/\p{Cc}/gu, '\u{fffd}') });
  }

  /** Those kept, in the order they were found. */
  get kept(): readonly TraceFault[] {
    return [...this.#kept];
  }

  /** How many of each code there were, in the order of `traceFaults`; codes without any are absent. */
  get counts(): Readonly<Partial<Record<TraceFaultCode, number>>> {
    const codes = Object.keys(traceFaults) as TraceFaultCode[];
    return Object.fromEntries(
      codes.flatMap((code) => {
        const count = this.#counts.get(code);
        return count === undefined ? [] : [[code, count]];
      }),
    );
  }

  /** How many there were in all. */
  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }
}
