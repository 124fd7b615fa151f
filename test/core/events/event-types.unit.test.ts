import { readFileSync } from 'node:fs';
import { setup } from 'xstate';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { ConfigurationError } from '../../../src/core/errors/errors.js';
import {
  defineEventTypes,
  type EventTypes,
  type EventTypeOf,
} from '../../../src/core/events/event-types.js';
import {
  cloudStackActionTypes,
  cloudStackAlertTypes,
  cloudStackEventTypes,
  cloudStackUsageTypes,
} from '../../../src/core/events/cloudstack-event-types.js';
import { ActionEvent } from '../../../src/operations/action/action-event.js';
import { createSignalbox, type SignalboxOptions } from '../../../src/signalbox/create-signalbox.js';
import type { Signalbox } from '../../../src/signalbox/signalbox.js';

const reference = JSON.parse(
  readFileSync(new URL('../../fixtures/cloudstack-event-types.json', import.meta.url), 'utf8'),
) as { action: { type: string }[]; usage: string[]; alert: string[]; asyncJob: string[] };

describe('event types', () => {
  it("hold every name of CloudStack's, and no other", () => {
    expect([...cloudStackActionTypes]).toEqual(reference.action.map((entry) => entry.type));
    expect([...cloudStackUsageTypes]).toEqual(reference.usage);
    expect([...cloudStackAlertTypes]).toEqual(reference.alert);
    expect(defineEventTypes().names('AsyncJobEvent')).toEqual(reference.asyncJob);
  });

  it('are known in their own category only', () => {
    const types = defineEventTypes({ action: ['LB.DRAIN'] });
    expect(types.has('ActionEvent', 'LB.DRAIN')).toBe(true);
    expect(types.has('UsageEvent', 'LB.DRAIN')).toBe(false);
    expect(types.has('ActionEvent', 'VM.STRAT')).toBe(false);
    expect(types.has('AlertEvent', 'ALERT.RESOURCE.STUCK')).toBe(true);
    expect(types.has('ResourceStateEvent', 'AnythingALifecycleSays')).toBe(true);
    expect(defineEventTypes().has('ActionEvent', 'LB.DRAIN')).toBe(false);
  });

  it.each(['', 'A B', 'A*', 'A#B', 'x'.repeat(200), 'A\nB'])('refuse the name %j', (name) => {
    expect(() => defineEventTypes({ usage: [name] })).toThrow(ConfigurationError);
  });

  it('of another set are included with their private fields', () => {
    const base = defineEventTypes({ action: ['LB.DRAIN'] }, { privateFields: { '*': ['actor'] } });
    const types = defineEventTypes(
      { usage: ['LB.CREATE'] },
      { include: base, privateFields: { 'LB.CREATE': ['account'] } },
    );
    expect(types.has('ActionEvent', 'LB.DRAIN')).toBe(true);
    expect(types.has('UsageEvent', 'LB.CREATE')).toBe(true);
    expect(types.privateFields('LB.CREATE')).toEqual(['actor', 'account']);
    expectTypeOf<EventTypeOf<typeof types, 'ActionEvent'>>().toEqualTypeOf<'LB.DRAIN'>();
  });

  it("are not CloudStack's unless these are chosen", () => {
    expect(defineEventTypes().has('ActionEvent', 'VM.START')).toBe(false);
    expect(cloudStackEventTypes.has('ActionEvent', 'VM.START')).toBe(true);
    expectTypeOf<'VM.START'>().toExtend<EventTypeOf<typeof cloudStackEventTypes, 'ActionEvent'>>();
    expectTypeOf<'VM.STRAT'>().not.toExtend<
      EventTypeOf<typeof cloudStackEventTypes, 'ActionEvent'>
    >();
  });

  it('give their names to the compiler', () => {
    const types = defineEventTypes({ action: ['LB.DRAIN'], alert: ['ALERT.LB'] });
    expectTypeOf<EventTypeOf<typeof types, 'ActionEvent'>>().toEqualTypeOf<'LB.DRAIN'>();
    expectTypeOf<EventTypeOf<typeof types, 'UsageEvent'>>().toEqualTypeOf<never>();
    expectTypeOf(types).toExtend<EventTypes>();
  });

  it('of a Signalbox are those of its calls and filters', () => {
    const types = defineEventTypes({ action: ['LB.DRAIN'], usage: ['LB.HOURS'] });
    const calls = async (options: Omit<SignalboxOptions, 'eventTypes'>) => {
      const typed = await createSignalbox({ ...options, eventTypes: types });
      await typed.recordUsage('LB.HOURS');
      await typed.raiseAlert('ALERT.OUTBOX.LAGGING', 'an alert that Signalbox raises');
      await typed.subscribe({ category: 'UsageEvent', type: 'LB.HOURS' }, () => {});
      // @ts-expect-error a type of another category
      await typed.recordUsage('LB.DRAIN');
      // @ts-expect-error CloudStack's types were not chosen
      await typed.raiseAlert('ALERT.USERVM', '');
      // @ts-expect-error no declared type
      await typed.subscribe({ category: 'UsageEvent', type: 'LB.HUORS' }, () => {});
      // @ts-expect-error no declared type
      await typed.replay({ type: 'LB.HUORS' }, { pool: 'p' });
      const untyped = await createSignalbox({ ...options });
      // @ts-expect-error no type is declared
      await untyped.recordUsage('LB.HOURS');
      // A function that takes any Signalbox uses it without its types.
      const any: Signalbox = typed;
      await any.recordUsage('LB.HOURS');

      class Typed {
        readonly signalbox = typed;
        @ActionEvent('LB.DRAIN')
        async drain(): Promise<void> {}
        // @ts-expect-error no declared type
        @ActionEvent('LB.DRIAN')
        async misspelt(): Promise<void> {}
      }
      return Typed;
    };
    expectTypeOf(calls).toBeFunction();
  });

  it('of effects are those of their category', () => {
    const machine = setup({ actions: cloudStackEventTypes.effects });
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
