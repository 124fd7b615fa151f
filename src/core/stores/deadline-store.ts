/** A deadline that has passed and has not been fired or cancelled. */
export interface DueDeadline {
  readonly resource: string;
  readonly uuid: string;
  readonly deadline: string;
  /** The revision that armed it. */
  readonly revision: number;
}

/** An armed deadline and what is known of its arming. */
export interface ArmedDeadline extends DueDeadline {
  /** The version of the lifecycle that armed it; null of a release that did not note it. */
  readonly version: number | null;
  /** Milliseconds until it is due, by the database's clock; below 0 when it is overdue. */
  readonly dueIn: number;
  /** A sweeper looked for its resource and did not find it. */
  readonly missing: boolean;
}

/** Armed deadlines of one application. */
export interface DeadlineStore {
  /** Due deadlines by the database's clock, oldest first. Several sweepers may see the same one. */
  due(options: {
    /** Resource types; those of others on the same database are left alone. */
    readonly resources: readonly string[];
    readonly limit: number;
    /** How many of the oldest to pass over. Default 0. */
    readonly skip?: number;
  }): Promise<readonly DueDeadline[]>;
  /** Milliseconds until the next one is due, 0 when one is; null when none is armed. */
  nextDue(resources: readonly string[]): Promise<number | null>;
  /** Armed deadlines by their key, behind `after` if given. */
  list(options: {
    readonly limit: number;
    readonly after?: Pick<DueDeadline, 'uuid' | 'resource' | 'deadline'>;
    readonly resource?: string;
    readonly uuid?: string;
    /** Only those whose resource was not found. */
    readonly missing?: boolean;
  }): Promise<readonly ArmedDeadline[]>;
}
