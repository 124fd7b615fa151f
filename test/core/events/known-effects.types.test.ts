import { describe, expectTypeOf, it } from 'vitest';
import { setup } from 'xstate';
import { effects } from '../../../src/core/events/known-effects.js';

// Checked by the compiler: what must not compile is marked, and a mark without an error is an error.
describe('the types of an effect', () => {
  const machine = setup({ actions: effects });

  it('are the event types of its category, and no other', () => {
    const calls = () => [
      machine.createMachine({ entry: { type: 'usage', params: { type: 'VM.START' } } }),
      machine.createMachine({ entry: { type: 'alert', params: { type: 'ALERT.RESOURCE.STUCK' } } }),
      machine.createMachine({ entry: { type: 'action', params: { type: 'VM.START', data: {} } } }),
      // @ts-expect-error no event type
      machine.createMachine({ entry: { type: 'usage', params: { type: 'VM.STRAT' } } }),
      // @ts-expect-error no type of an alert
      machine.createMachine({ entry: { type: 'alert', params: { type: 'VM.START' } } }),
      // @ts-expect-error no type of an action
      machine.createMachine({ entry: { type: 'action', params: { type: 'ALERT.USERVM' } } }),
    ];
    expectTypeOf(calls).toBeFunction();
  });
});
