import { readFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { ConfigurationError } from '../../../src/core/errors/errors.js';
import {
  defineEventTypes,
  type CustomTypesOf,
  type EventTypes,
  type KnownActionType,
} from '../../../src/core/events/event-types.js';
import {
  cloudStackActionTypes,
  cloudStackAlertTypes,
  cloudStackUsageTypes,
} from '../../../src/core/events/cloudstack-event-types.js';

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
    expect(types.has('ActionEvent', 'VM.START')).toBe(true);
    expect(types.has('ActionEvent', 'VM.STRAT')).toBe(false);
    expect(types.has('AlertEvent', 'ALERT.RESOURCE.STUCK')).toBe(true);
    expect(types.has('ResourceStateEvent', 'AnythingALifecycleSays')).toBe(true);
    expect(defineEventTypes().has('ActionEvent', 'LB.DRAIN')).toBe(false);
  });

  it.each(['', 'A B', 'A*', 'A#B', 'x'.repeat(200), 'A\nB'])('refuse the name %j', (name) => {
    expect(() => defineEventTypes({ usage: [name] })).toThrow(ConfigurationError);
  });

  it('give their names to the compiler', () => {
    const types = defineEventTypes({ action: ['LB.DRAIN'], alert: ['ALERT.LB'] });
    expectTypeOf<CustomTypesOf<typeof types>['action']>().toEqualTypeOf<'LB.DRAIN'>();
    expectTypeOf<CustomTypesOf<typeof types>['usage']>().toEqualTypeOf<never>();
    expectTypeOf(types).toExtend<EventTypes>();
    expectTypeOf<'VM.START'>().toExtend<KnownActionType>();
    expectTypeOf<'VM.STRAT'>().not.toExtend<KnownActionType>();
  });
});
