import type { ActionEvent as ActionEventMessage } from '../../core/events/event.js';
import type { ActionSettings } from './action.js';

/** A class whose methods can carry `@ActionEvent`: it holds the Signalbox that announces them. */
export interface ActionHost<TType extends string = string> {
  /** Announces the actions of the class. */
  readonly signalbox: {
    // A property, not a method: the compiler then checks that the Signalbox has the type.
    readonly action: <T>(
      type: TType,
      settings: ActionSettings,
      operation: () => T | Promise<T>,
    ) => Promise<T>;
  };
}

/** An operation started, completed or failed: what the decorator of the same name announces. */
export type ActionEvent = ActionEventMessage;

/**
 * Announces Started before an asynchronous method runs, then Completed or Failed. The class holds its
 * Signalbox in a property `signalbox`.
 *
 * @param type The action's event type.
 * @param settings What the action is about: fixed, or made from the method's arguments.
 *
 * @example
 * ```ts
 * class VirtualMachineService {
 *   constructor(readonly signalbox: Signalbox) {}
 *
 *   @ActionEvent('VM.START', (uuid: string) => ({ subject: { resource: 'VirtualMachine', uuid } }))
 *   async start(uuid: string): Promise<void> { … }
 * }
 * ```
 */
export function ActionEvent<const TType extends string, TArguments extends unknown[]>(
  type: TType,
  settings: ActionSettings | ((...args: TArguments) => ActionSettings) = {},
) {
  return <
    TThis extends ActionHost<TType>,
    TMethod extends (this: TThis, ...args: TArguments) => Promise<unknown>,
  >(
    _target: TThis,
    _property: string,
    descriptor: TypedPropertyDescriptor<TMethod>,
  ): void => {
    const method = descriptor.value;
    if (method === undefined) {
      return;
    }
    const announced = function (this: TThis, ...args: TArguments): Promise<unknown> {
      const resolved = typeof settings === 'function' ? settings(...args) : settings;
      return this.signalbox.action(type, resolved, () => method.apply(this, args));
    };
    descriptor.value = announced as TMethod;
  };
}
