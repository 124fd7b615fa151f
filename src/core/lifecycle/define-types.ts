/**
 * The part of an XState machine that a lifecycle's types are read from. Deliberately less than XState's
 * own machine type: a parameter of that type makes the compiler infer the machine from both sides at once
 * and give up (TS2589).
 */
export interface TypedMachine {
  readonly root: object;
  // Method parameters are compared both ways, so that any machine fits.
  transition(snapshot: never, event: never, scope: never): unknown;
  getInitialSnapshot(scope: never): { readonly context: unknown; readonly value: unknown };
}

/** The union of events a caller may send to a machine. */
export type MachineEvent<TMachine extends TypedMachine> = EventName<
  Parameters<TMachine['transition']>[1]
>;

/** Context that the guards of a machine read; any where the machine does not declare it. */
export type MachineContext<TMachine extends TypedMachine> = Declared<
  ReturnType<TMachine['getInitialSnapshot']>['context']
>;

/** The union of state names of a machine: dotted leaf paths, JSON for parallel regions. */
export type MachineState<TMachine extends TypedMachine> = StateName<
  ReturnType<TMachine['getInitialSnapshot']>['value']
>;

type Declared<TContext> = string extends keyof TContext
  ? Readonly<Record<string, unknown>>
  : TContext;

type EventName<TEvent> = TEvent extends { readonly type: infer TType extends string }
  ? Exclude<TType, `xstate.${string}`>
  : never;

/** The name of a state with parallel regions active: its state value as JSON. */
export type ParallelState = `{${string}}`;

type StateName<TValue> = TValue extends string
  ? TValue
  : TValue extends object
    ? IsUnion<keyof TValue> extends true
      ? ParallelState
      : { [K in keyof TValue & string]: Nested<K, StateName<TValue[K]>> }[keyof TValue & string]
    : never;

// A parallel state anywhere below turns the whole name into JSON.
type Nested<TKey extends string, TInner extends string> = TInner extends ParallelState
  ? ParallelState
  : `${TKey}.${TInner}`;

type IsUnion<T, TWhole = T> = [T] extends [never]
  ? false
  : T extends unknown
    ? [TWhole] extends [T]
      ? false
      : true
    : never;
