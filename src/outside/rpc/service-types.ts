import type { MethodDefinition, MethodHandler } from './method.js';

/**
 * How long a call waits, and what ends it sooner.
 */
export interface CallOptions {
  /**
   * Milliseconds until the call rejects with CALL_TIMEOUT and the server is told to stop. Default that
   * of the manager. At most 25 minutes, because a broker takes a request away from a server that holds
   * it for longer.
   */
  readonly timeout?: number;
  /** Aborts the call: it rejects with the signal's reason, and the server is told to stop. */
  readonly signal?: AbortSignal;
}

/** Services whose types are not known. */
export type UntypedServices = Readonly<
  // Arguments of any type, so that a function of any arguments is one of these.
  // oxlint-disable-next-line typescript/no-explicit-any
  Record<string, Readonly<Record<string, (args?: any) => unknown>>>
>;

/** Arguments of a method; undefined when it takes none. */
type ArgsOf<Method> = Method extends (...args: infer Args) => unknown
  ? Args extends []
    ? undefined
    : Args[0]
  : never;

/** Return type of a method, awaited. */
export type ResultOf<Method> = Method extends (...args: never[]) => infer Result
  ? Awaited<Result>
  : never;

/** Parameters after the method's name in a call. */
export type CallParameters<Method> =
  undefined extends ArgsOf<Method>
    ? [args?: ArgsOf<Method>, options?: CallOptions]
    : [args: ArgsOf<Method>, options?: CallOptions];

/** The implementation of a service type: every method, and no other. */
export type Implementation<Api> = {
  readonly [Method in keyof Api]:
    | MethodHandler<ArgsOf<Api[Method]>, ResultOf<Api[Method]>>
    | MethodDefinition<ArgsOf<Api[Method]>, ResultOf<Api[Method]>>;
};

/** A service as an object: its methods are calls. */
export type Client<Api> = {
  readonly [Method in keyof Api]: (
    ...parameters: CallParameters<Api[Method]>
  ) => Promise<ResultOf<Api[Method]>>;
};
