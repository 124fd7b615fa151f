import { ObjectEvent } from './object-event.js';
import { asError } from './report-failure.js';

/** An object with an event of this name that takes this payload. */
type Firing<Name extends string, Payload> = {
  // A function property, and not a method: payloads are then compared strictly.
  readonly [K in Name]: { readonly fire: (payload: Payload) => unknown };
};

// What any method satisfies; where a method is decorated, its own parameters are known.
// oxlint-disable-next-line typescript/no-explicit-any
type AnyMethod = (...args: any[]) => any;

// A method of these arguments, and maybe more that the payload is not made of.
// oxlint-disable-next-line typescript/no-explicit-any
type TakingFirst<Args extends unknown[], Result> = (...args: [...Args, ...any[]]) => Result;

/**
 * Decorates a method, whether decorators are TypeScript's (`experimentalDecorators`, which TypeORM
 * needs) or those of the language. The payload depends on the method, or is fixed.
 */
interface ResultDecorator<Name extends string> {
  <This extends Firing<Name, Awaited<ReturnType<Method>>>, Method extends AnyMethod>(
    target: This,
    property: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
  <This extends Firing<Name, Awaited<ReturnType<Method>>>, Method extends AnyMethod>(
    method: Method,
    context: ClassMethodDecoratorContext<This, Method>,
  ): Method;
}

interface ArgumentsDecorator<Name extends string> {
  <This extends Firing<Name, Parameters<Method>>, Method extends AnyMethod>(
    target: This,
    property: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
  <This extends Firing<Name, Parameters<Method>>, Method extends AnyMethod>(
    method: Method,
    context: ClassMethodDecoratorContext<This, Method>,
  ): Method;
}

interface PayloadDecorator<Name extends string, Payload, Allowed extends AnyMethod> {
  <This extends Firing<Name, Payload>, Method extends Allowed>(
    target: This,
    property: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void;
  <This extends Firing<Name, Payload>, Method extends Allowed>(
    method: Method,
    context: ClassMethodDecoratorContext<This, Method>,
  ): Method;
}

/** Ties an event of an object to a method of it. See `fires`. */
interface Fires {
  /** After the method succeeded, with its result; of an asynchronous method, once it has resolved. */
  <const Name extends string>(name: Name): ResultDecorator<Name>;
  /** After the method succeeded, with what `payload` makes of its result and arguments. */
  <const Name extends string, Payload, Result, Args extends unknown[]>(
    name: Name,
    payload: (result: Result, ...args: Args) => Payload,
  ): PayloadDecorator<Name, Payload, TakingFirst<Args, Result | Promise<Result>>>;
  /** Before the method runs, with the list of its arguments. */
  before<const Name extends string>(name: Name): ArgumentsDecorator<Name>;
  /** Before the method runs, with what `payload` makes of its arguments. */
  before<const Name extends string, Payload, Args extends unknown[]>(
    name: Name,
    payload: (...args: Args) => Payload,
  ): PayloadDecorator<Name, Payload, TakingFirst<Args, unknown>>;
  /** When the method threw or rejected, with the error. */
  failed<const Name extends string>(name: Name): PayloadDecorator<Name, Error, AnyMethod>;
  /** When the method threw or rejected, with what `payload` makes of the error and the arguments. */
  failed<const Name extends string, Payload, Args extends unknown[]>(
    name: Name,
    payload: (error: Error, ...args: Args) => Payload,
  ): PayloadDecorator<Name, Payload, TakingFirst<Args, unknown>>;
}

/**
 * Fires an event of the object when a method is called: `@fires` after success, `@fires.before` and
 * `@fires.failed`. The event is a field of the class or of one it extends. The method never waits for
 * handlers, and neither they nor a `payload` that throws change its outcome.
 *
 * @example
 * class Attacher {
 *   readonly attaching = event<[volume: string]>();
 *   readonly attached = event<{ volume: string; device: string }>();
 *   readonly attachFailed = event<Error>();
 *
 *   @fires.before('attaching')
 *   @fires('attached', (device: string, volume: string) => ({ volume, device }))
 *   @fires.failed('attachFailed')
 *   async attach(volume: string): Promise<string> { … }
 * }
 */
export const fires: Fires = Object.assign(
  (name: string, payload: Payload = (result) => result) =>
    decorator((method) => wrap(method, name, { after: payload })),
  {
    before: (name: string, payload: Payload = (...args) => args) =>
      decorator((method) => wrap(method, name, { before: payload })),
    failed: (name: string, payload: Payload = (error) => error) =>
      decorator((method) => wrap(method, name, { failed: payload })),
  },
) as Fires;

type Payload = (...values: unknown[]) => unknown;
type Method = (this: object, ...args: unknown[]) => unknown;
type Moments = Partial<Record<'before' | 'after' | 'failed', Payload>>;

function decorator(wrapped: (method: Method) => Method) {
  return (target: unknown, _name: unknown, descriptor?: PropertyDescriptor): Method | undefined => {
    if (descriptor === undefined) return wrapped(target as Method);
    descriptor.value = wrapped(descriptor.value as Method);
    return undefined;
  };
}

function wrap(method: Method, name: string, { before, after, failed }: Moments): Method {
  const wrapped: Method = function (...args) {
    fire(this, name, before, args);
    const succeed = (result: unknown): unknown => {
      fire(this, name, after, [result, ...args]);
      return result;
    };
    const fail = (thrown: unknown): never => {
      fire(this, name, failed, [asError(thrown), ...args]);
      throw thrown;
    };
    let result: unknown;
    try {
      result = method.apply(this, args);
    } catch (thrown) {
      return fail(thrown);
    }
    return result instanceof Promise ? result.then(succeed, fail) : succeed(result);
  };
  return Object.defineProperty(wrapped, 'name', { value: method.name });
}

function fire(
  host: object,
  name: string,
  payload: Payload | undefined,
  values: readonly unknown[],
): void {
  if (payload === undefined) return;
  const event: unknown = Reflect.get(host, name);
  // Types demand the event; from JavaScript a misspelt name must not break the method.
  if (!(event instanceof ObjectEvent)) return;
  try {
    void event.fire(payload(...values));
  } catch (thrown) {
    event.report(thrown);
  }
}
