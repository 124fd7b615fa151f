import { toError } from './to-error.js';

/**
 * A listener whose faults stay its own, thrown or rejected. Never throws; an asynchronous one is not
 * waited for. What TypeScript takes for `() => void` may be asynchronous, and a rejection that nobody
 * handles ends the process.
 *
 * @param onFailure told of them; must not throw
 */
export function guardListener<Arguments extends readonly unknown[]>(
  listener: (...args: Arguments) => unknown,
  onFailure: (error: Error) => void = () => {},
): (...args: Arguments) => void {
  const fail = (thrown: unknown): void => onFailure(toError(thrown));
  return (...args) => {
    try {
      Promise.resolve(listener(...args)).catch(fail);
    } catch (thrown) {
      fail(thrown);
    }
  };
}
