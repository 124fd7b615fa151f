/** One time that a method was executed. */
export interface Execution {
  /** The id of the request. */
  readonly id: string;
  readonly method: 'attach' | 'describe';
  readonly pid: number;
}

/** What the servers in processes of their own expose. */
export interface VolumesService {
  attach(args: { volume: string }): Execution;
  /** Idempotent. */
  describe(args: { volume: string }): Execution;
}
