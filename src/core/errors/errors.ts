import { errorClasses, type CodeOf, type ErrorCode } from './codes.js';

/** Parameters of a refusal, an error or a finding: plain JSON values, never secrets. */
export type ErrorParameters = Readonly<
  Record<string, string | number | boolean | null | readonly string[]>
>;

/**
 * Why something is not lawful now. Data, not an exception: `step` and `explain` return it,
 * `RefusedError` lists it, a user interface greys out a button with it.
 */
export interface Refusal {
  /** Stable, machine-readable. */
  readonly code: ErrorCode;
  /** One sentence that names the resource, the state, the event, and what to do. */
  readonly message: string;
  /** Values that the message names, for a wording of your own. */
  readonly parameters: ErrorParameters;
}

/** Fields of an error besides code and message. */
export interface ErrorFields {
  readonly parameters?: ErrorParameters;
  readonly cause?: unknown;
}

/**
 * The base of every error this package throws. Catch a subclass to decide what to do, read `code` to
 * know exactly what happened: codes are stable over releases, messages are not.
 */
export abstract class SignalboxError extends Error {
  /** Stable, machine-readable; listed with its remedy in `docs/errors.md`. */
  readonly code: ErrorCode;
  /**
   * Whether the same request may succeed when it is repeated, and may be repeated without harm. The class
   * decides: true for ConflictError (read again first) and UnavailableError (wait first), else false.
   */
  abstract readonly retryable: boolean;
  /** Values that the message names. Never secrets. */
  readonly parameters: ErrorParameters;

  constructor(code: ErrorCode, message: string, fields: ErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = new.target.name;
    this.code = code;
    this.parameters = fields.parameters ?? {};
  }
}

/**
 * The request is not lawful now, or its values are not: do something else. Nothing was written. The same
 * request may become lawful after another transition. `code` is the first refusal's.
 */
export class RefusedError extends SignalboxError {
  override readonly retryable = errorClasses.RefusedError.retryable;
  /** Every reason, at least one. */
  readonly refusals: readonly Refusal[];

  constructor(refusals: readonly [Refusal, ...Refusal[]], options: { cause?: unknown } = {}) {
    super(refusals[0].code, refusals.map((refusal) => refusal.message).join('\n'), {
      parameters: refusals[0].parameters,
      cause: options.cause,
    });
    this.refusals = refusals;
  }

  /** Shorthand for an error with a single refusal. */
  static of(
    code: CodeOf<'RefusedError'>,
    message: string,
    parameters: ErrorParameters = {},
    options: { cause?: unknown } = {},
  ): RefusedError {
    return new RefusedError([{ code, message, parameters }], options);
  }
}

/** Somebody else moved the resource first: read it again, decide again, retry. Nothing was written. */
export class ConflictError extends SignalboxError {
  declare readonly code: CodeOf<'ConflictError'>;
  override readonly retryable = errorClasses.ConflictError.retryable;

  constructor(code: CodeOf<'ConflictError'>, message: string, fields: ErrorFields = {}) {
    super(code, message, fields);
  }
}

/** A database, a broker or a service is away or overloaded: wait, then retry. Nothing was committed. */
export class UnavailableError extends SignalboxError {
  declare readonly code: CodeOf<'UnavailableError'>;
  override readonly retryable = errorClasses.UnavailableError.retryable;

  constructor(code: CodeOf<'UnavailableError'>, message: string, fields: ErrorFields = {}) {
    super(code, message, fields);
  }
}

/**
 * The connection or the server was lost when the work may already have been done: read the resource before
 * you retry.
 */
export class OutcomeUnknownError extends SignalboxError {
  declare readonly code: CodeOf<'OutcomeUnknownError'>;
  override readonly retryable = errorClasses.OutcomeUnknownError.retryable;

  constructor(code: CodeOf<'OutcomeUnknownError'>, message: string, fields: ErrorFields = {}) {
    super(code, message, fields);
  }
}

/**
 * The operation of an action ran to its end, and the database could not be told. Use `result`: whoever runs
 * the operation again does it twice.
 */
export class ActionNotAnnouncedError<T = unknown> extends OutcomeUnknownError {
  /** Result of the operation. */
  readonly result: T;

  constructor(type: string, result: T, cause: unknown) {
    super(
      'ACTION_NOT_ANNOUNCED',
      `${type} was done, and its Completed event could not be written. Do not run it again: use error.result.`,
      { parameters: { type }, cause },
    );
    this.result = result;
  }
}

/** A Signalbox, a bus, a subscription or a manager was closed: create a new one. Nothing was done. */
export class ClosedError extends SignalboxError {
  declare readonly code: CodeOf<'ClosedError'>;
  override readonly retryable = errorClasses.ClosedError.retryable;

  constructor(code: CodeOf<'ClosedError'>, message: string, fields: ErrorFields = {}) {
    super(code, message, fields);
  }
}

/** A lifecycle declaration breaks a rule: fix the code. Lists every fault, not the first. */
export class DefinitionError extends SignalboxError {
  override readonly retryable = errorClasses.DefinitionError.retryable;
  /** Every fault, at least one. */
  readonly faults: readonly Refusal[];

  constructor(subject: string, faults: readonly [Refusal, ...Refusal[]]) {
    const [first, ...others] = faults.map(({ code, message }) => `${code}: ${message}`);
    const told =
      others.length === 0
        ? `a fault: ${first}`
        : `${faults.length} faults:${[first, ...others].map((fault) => `\n  - ${fault}`).join('')}`;
    super('LIFECYCLE_INVALID', `${subject} has ${told}`, {
      parameters: { subject, faults: faults.length },
    });
    this.faults = faults;
  }
}

/** The set-up is wrong (a config key, credentials, a missing migration): fix it and start again. */
export class ConfigurationError extends SignalboxError {
  declare readonly code: CodeOf<'ConfigurationError'>;
  override readonly retryable = errorClasses.ConfigurationError.retryable;
  /** Every fault, where several can be told at once; else empty. */
  readonly faults: readonly Refusal[];

  constructor(
    code: CodeOf<'ConfigurationError'>,
    message: string,
    { faults = [], ...fields }: ErrorFields & { readonly faults?: readonly Refusal[] } = {},
  ) {
    super(code, message, fields);
    this.faults = faults;
  }
}
