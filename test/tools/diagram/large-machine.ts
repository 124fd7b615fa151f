import { setup } from 'xstate';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';

/** A lifecycle of `states` states in which each takes `events` events. Every state can be reached. */
export function largeLifecycle(states: number, events: number): AnyLifecycle {
  const on = (state: number): object =>
    Object.fromEntries(
      Array.from({ length: events }, (_, event) => [
        `e${event}`,
        `s${event === 0 ? (state + 1) % states : (state * 7 + event * event * 31) % states}`,
      ]),
    );
  const machine = setup({}).createMachine({
    initial: 's0',
    states: Object.fromEntries(
      Array.from({ length: states }, (_, state) => [`s${state}`, { on: on(state) }]),
    ),
  } as never);
  return defineLifecycle({ resource: 'Large', version: 1, machine: machine as never });
}
