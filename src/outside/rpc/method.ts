import type { Static, TSchema } from 'typebox';
import { ConfigurationError, RefusedError } from '../../core/errors/errors.js';
import { firstFault } from '../../core/events/schema-fault.js';
import type { JsonValue } from '../../core/json/json.js';

/** Context of a call besides its arguments. */
export interface Call {
  /** The id of the request, the same each time it is delivered: remember it to do a thing once. */
  readonly id: string;
  /**
   * The broker delivered the request before. A method that is not idempotent is then executed only if
   * no server had begun; an idempotent one may be executed for a second time.
   */
  readonly redelivered: boolean;
  /** Aborts when the caller aborted, or has waited for its timeout: whatever comes of it, nobody hears. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since 1970. */
  readonly deadline: number;
}

/** Executes a method. What it throws goes to the caller if it is typed; see `ServiceError`. */
export type MethodHandler<Args, Result> = (args: Args, call: Call) => Result | Promise<Result>;

/** A method with more to say than its handler. */
export interface MethodDefinition<Args, Result> {
  readonly handle: MethodHandler<Args, Result>;
  /** A JSON Schema, such as one of TypeBox: what does not satisfy it is refused before the handler. */
  readonly args?: TSchema;
  /**
   * Executing it twice does no more than executing it once: another server may execute it again when
   * one dies over it. Default false: it is executed at most once, which costs a round trip more.
   */
  readonly idempotent?: boolean;
}

/**
 * Pure. Defines a method whose arguments are checked by a schema, and typed by it.
 *
 * @example
 * describe: method({
 *   args: Type.Object({ volume: Type.String() }),
 *   idempotent: true,
 *   handle: ({ volume }) => volumes.get(volume),
 * })
 */
export function method<const Schema extends TSchema, Result>(
  definition: Omit<MethodDefinition<Static<Schema>, Result>, 'args'> & { readonly args: Schema },
): MethodDefinition<Static<Schema>, Result> {
  return definition;
}

/** A method as a server calls it. */
export interface CompiledMethod {
  readonly handle: MethodHandler<unknown, unknown>;
  readonly idempotent: boolean;
  /** Throws RefusedError ARGUMENTS_INVALID. */
  readonly check: (args: JsonValue | undefined) => void;
}

/**
 * The methods by name: own properties only, so that nothing inherited can be called. Rejects with
 * ConfigurationError CONFIG_VALUE_INVALID for what is no method.
 */
export async function compileMethods(
  service: string,
  handlers: object,
): Promise<ReadonlyMap<string, CompiledMethod>> {
  const methods = new Map<string, CompiledMethod>();
  for (const [name, given] of Object.entries(handlers)) {
    const definition = (typeof given === 'function' ? { handle: given } : given) as
      MethodDefinition<unknown, unknown> | undefined;
    // A method named then would make a promise of every client.
    if (typeof definition?.handle !== 'function' || name === 'then') {
      throw notAMethod(service, name);
    }
    methods.set(name, {
      handle: definition.handle,
      idempotent: definition.idempotent ?? false,
      check: await compileCheck(`${service}.${name}`, definition.args),
    });
  }
  if (methods.size === 0) throw notAMethod(service, 'its own properties');
  return methods;
}

async function compileCheck(
  subject: string,
  schema: TSchema | undefined,
): Promise<CompiledMethod['check']> {
  if (schema === undefined) return () => {};
  // TypeBox's compiler is large: only services that check arguments load it.
  const { Compile } = await import('typebox/schema');
  const validator = Compile(schema);
  return (args) => {
    if (validator.Check(args)) return;
    const [, faults] = validator.Errors(args);
    const { property, problem } = firstFault(faults);
    throw RefusedError.of(
      'ARGUMENTS_INVALID',
      `The arguments of ${subject} are not valid: ${property} ${problem}.`,
      { method: subject, property, problem },
    );
  };
}

function notAMethod(service: string, name: string): ConfigurationError {
  return new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `The service ${service} cannot expose ${name}: a method is a function, or { handle }, under a name other than then.`,
    { parameters: { key: 'handlers', value: name } },
  );
}
