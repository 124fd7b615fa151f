import { errorClasses, type CodeOf } from '../../core/errors/codes.js';
import {
  SignalboxError,
  type ErrorFields,
  type ErrorParameters,
} from '../../core/errors/errors.js';

/** Fields of a service error besides its code and message. */
export interface ServiceErrorFields {
  /** Values that the message names. Crosses the wire: never secrets. */
  readonly parameters?: ErrorParameters;
  /** Whether the same call may succeed when it is repeated, without harm. Crosses the wire. Default false. */
  readonly retryable?: boolean;
  /** Stays in the process. */
  readonly cause?: unknown;
}

/**
 * An error of a service's own kind, thrown by its methods and by the calls of them: code, message and
 * parameters cross the wire, stack and cause do not. Subclasses are restored where they are listed in
 * the `errors` of the ServiceManager.
 *
 * @example
 * throw new ServiceError('VOLUME_BUSY', `Volume ${uuid} is being copied.`, { parameters: { uuid } });
 */
export class ServiceError extends Error {
  /** The service's own code, such as `VOLUME_BUSY`. */
  readonly code: string;
  /** Whether the same call may succeed when it is repeated, without harm. */
  readonly retryable: boolean;
  /** Values that the message names. */
  readonly parameters: ErrorParameters;

  constructor(code: string, message: string, fields: ServiceErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = fields.retryable ?? false;
    this.parameters = fields.parameters ?? {};
  }
}

/** A subclass of ServiceError, listed so that calls throw it. */
export type ServiceErrorClass = new (
  code: string,
  message: string,
  fields?: ServiceErrorFields,
) => ServiceError;

/**
 * A method of a service threw what is no typed error: a fault of the service, which retrying may or may
 * not mend. What it was stays with the service, which reports it under the id of the request.
 */
export class MethodFailedError extends SignalboxError {
  declare readonly code: CodeOf<'MethodFailedError'>;
  override readonly retryable = errorClasses.MethodFailedError.retryable;

  constructor(code: CodeOf<'MethodFailedError'>, message: string, fields: ErrorFields = {}) {
    super(code, message, fields);
  }
}
