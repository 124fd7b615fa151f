import { appendFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { SignalboxEvent } from '../../core/events/event.js';

/** A log of the events that a consumer received, in a file, so that it outlives the process. */
export interface DeliveryLog {
  /**
   * Writes an event down before it returns, and so before it is acknowledged. Pass it as a handler, or
   * call it where yours has done its work. Any number of processes may write to one file.
   */
  readonly record: (event: SignalboxEvent) => void;
  /** Everything written down so far, in order. A line that a dying process left unfinished is left out. */
  read(): Promise<readonly SignalboxEvent[]>;
}

/** A log in this file, which need not exist. */
export function deliveryLog(file: string): DeliveryLog {
  return {
    // One write for each line: the operating system has it whatever happens to the process.
    record: (event) => appendFileSync(file, `${JSON.stringify(event)}\n`),
    async read() {
      const text = await readFile(file, 'utf8').catch(() => '');
      return text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as SignalboxEvent);
    },
  };
}
