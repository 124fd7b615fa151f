/**
 * A usage meter: a pair of event types of which one begins a period that is paid for and the other
 * ends it. Conservation means that on every path starts and stops alternate.
 *
 * @example
 * ```ts
 * const running: Meter = {
 *   name: 'running time',
 *   starts: ['VM.START'],
 *   stops: ['VM.STOP'],
 *   openIn: ['Running'],
 *   closedIn: ['Stopped'],
 * };
 * ```
 */
export interface Meter {
  /** As findings and suppressions name it. */
  readonly name: string;
  /** Types of UsageEvents that open it. */
  readonly starts: readonly string[];
  /** Types of UsageEvents that close it. */
  readonly stops: readonly string[];
  /** Open from the creation on, because whoever creates the resource announces the start. Default false. */
  readonly openAtCreation?: boolean;
  /** States in which it must be open. Default: none; a state that is not named may be either. */
  readonly openIn?: readonly string[];
  /** States in which it must be closed. Where a path ends it must be closed in any case. */
  readonly closedIn?: readonly string[];
}
