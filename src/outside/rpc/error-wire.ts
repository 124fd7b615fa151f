import { errorClasses, type ErrorCode } from '../../core/errors/codes.js';
import {
  ClosedError,
  ConfigurationError,
  ConflictError,
  DefinitionError,
  OutcomeUnknownError,
  RefusedError,
  SignalboxError,
  UnavailableError,
  type ErrorParameters,
  type Refusal,
} from '../../core/errors/errors.js';
import { sanitizeMessage } from '../../core/errors/sanitize-message.js';
import type { JsonObject, JsonValue } from '../../core/json/json.js';
import { MethodFailedError, ServiceError, type ServiceErrorClass } from './service-error.js';

/** The classes of SignalboxError that are made of code, message and parameters. */
const plainClasses = {
  ConflictError,
  UnavailableError,
  OutcomeUnknownError,
  ClosedError,
  ConfigurationError,
  MethodFailedError,
} as const;

/** A constructor of theirs, for codes that arrive as text. */
type PlainClass = new (
  code: never,
  message: string,
  fields: { readonly parameters: ErrorParameters },
) => SignalboxError;

/** An error as it goes on the wire: what its class needs to be made again, no stack and no cause. */
interface WireError {
  readonly class: string;
  readonly code: string;
  readonly message: string;
  readonly parameters: ErrorParameters;
  /** Of a ServiceError, where it is true. */
  readonly retryable?: boolean;
  /** Of a RefusedError its refusals, of a DefinitionError its faults. */
  readonly refusals?: readonly Refusal[];
}

/**
 * Pure. The error for the wire, or undefined for one that is not typed: its message may hold anything,
 * so it stays in the process. Passwords in addresses are masked.
 */
export function encodeError(error: Error): JsonObject | undefined {
  if (!(error instanceof SignalboxError) && !(error instanceof ServiceError)) return undefined;
  const refusals =
    error instanceof RefusedError
      ? error.refusals
      : error instanceof DefinitionError
        ? error.faults
        : undefined;
  const wire: WireError = {
    class: className(error),
    ...presentableFields(error),
    ...(error instanceof ServiceError && error.retryable ? { retryable: true } : {}),
    ...(refusals === undefined ? {} : { refusals: refusals.map(presentableFields) }),
  };
  return wire as unknown as JsonObject;
}

/** A subclass of a user's own goes as the class of ours that it extends. */
function className(error: SignalboxError | ServiceError): string {
  if (error instanceof RefusedError) return 'RefusedError';
  if (error instanceof DefinitionError) return 'DefinitionError';
  if (error instanceof ServiceError) return 'ServiceError';
  const [name = 'UnavailableError'] =
    Object.entries(plainClasses).find(([, each]) => error instanceof each) ?? [];
  return name;
}

function presentableFields<Code extends string>(fields: {
  readonly code: Code;
  readonly message: string;
  readonly parameters: ErrorParameters;
}): { readonly code: Code; readonly message: string; readonly parameters: ErrorParameters } {
  const entries = Object.entries(fields.parameters).map(
    ([key, value]) =>
      [key, typeof value === 'string' ? sanitizeMessage(value) : Array.isArray(value) ? value.map((each) => sanitizeMessage(String(each))) : value] as const, // prettier-ignore
  );
  return {
    code: fields.code,
    message: sanitizeMessage(fields.message),
    // What JSON cannot carry (NaN, undefined) would make the whole answer unsendable.
    parameters: Object.fromEntries(
      entries.filter(([, value]) => isParameter(value)),
    ) as ErrorParameters,
  };
}

/**
 * Pure. The error that a server sent, of its class again. Undefined for what is none.
 *
 * @param classes the user's own, by code
 */
export function decodeError(
  value: JsonValue | undefined,
  classes: Readonly<Record<string, ServiceErrorClass>>,
): SignalboxError | ServiceError | undefined {
  if (!isWireError(value)) return undefined;
  const { class: name, message, parameters } = value;
  if (name === 'ServiceError') {
    const Class = Object.hasOwn(classes, value.code) ? classes[value.code] : undefined;
    const retryable = value.retryable === true;
    return new (Class ?? ServiceError)(value.code, message, { parameters, retryable });
  }
  // A newer server may know codes that this version does not; they are kept as they are.
  const code = value.code as ErrorCode;
  const [first, ...more] = value.refusals ?? [];
  if (name === 'RefusedError') {
    return new RefusedError([first ?? { code, message, parameters }, ...more]);
  }
  if (name === 'DefinitionError' && first !== undefined) {
    return new DefinitionError(String(parameters['subject'] ?? ''), [first, ...more]);
  }
  const Class = plainClass(classOf(code) ?? name) ?? plainClass(name);
  return Class && new Class(code as never, message, { parameters });
}

/** The class that this version has a code under: an older server may have had it under another. */
function classOf(code: string): string | undefined {
  return Object.entries(errorClasses).find(([, { codes }]) => Object.hasOwn(codes, code))?.[0];
}

function plainClass(name: string): PlainClass | undefined {
  return Object.hasOwn(plainClasses, name)
    ? plainClasses[name as keyof typeof plainClasses]
    : undefined;
}

function isWireError(value: unknown): value is WireError {
  if (!isFields(value)) return false;
  const { class: name, refusals } = value as { readonly class?: unknown; refusals?: unknown };
  if (typeof name !== 'string') return false;
  return refusals === undefined || (Array.isArray(refusals) && refusals.every(isFields));
}

function isFields(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message, parameters } = value as Readonly<Record<string, unknown>>;
  return (
    typeof code === 'string' &&
    typeof message === 'string' &&
    typeof parameters === 'object' &&
    parameters !== null &&
    !Array.isArray(parameters) &&
    Object.values(parameters).every(isParameter)
  );
}

function isParameter(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((each) => typeof each === 'string');
  return (
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value))
  );
}
