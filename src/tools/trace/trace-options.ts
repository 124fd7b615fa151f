/** Options of a trace check. */
export interface TraceOptions {
  /**
   * Milliseconds that a deadline may be overstayed: the sweeper's delay, and the difference between
   * the clocks of several nodes. Default 60,000.
   */
  readonly tolerance?: number;
  /**
   * The longest stay in milliseconds, by `<resource>.<state>` or, for every lifecycle that has it,
   * by `<state>`; besides the deadlines that the lifecycle declares, and without the tolerance.
   */
  readonly maxDwell?: Readonly<Record<string, number>>;
  /**
   * Default false: an event recorded under an older version is checked by what the given version
   * allows, which is how the next version is tried on yesterday's journal. True: any other version
   * than the given one is a fault.
   */
  readonly exactVersion?: boolean;
  /**
   * Default false: a resource may be met in the middle of its life. True: the trace is said to hold
   * every event from the creation on, so that a life that begins later is a gap.
   */
  readonly complete?: boolean;
  /** Default false: a state event of a resource type without a lifecycle is a fault. */
  readonly ignoreOthers?: boolean;
  /** How many faults of each code to list; the rest is only counted. Default 100. */
  readonly maxFaults?: number;
}
