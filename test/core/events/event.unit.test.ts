import { describe, expect, expectTypeOf, it } from 'vitest';
import { CloudEvent, ValidationError } from 'cloudevents';
import { RefusedError } from '../../../src/core/errors/errors.js';
import { categories } from '../../../src/core/events/category.js';
import { createEvent } from '../../../src/core/events/create-event.js';
import type { ActionEvent, SignalboxEvent } from '../../../src/core/events/event.js';
import { dataSchemas, eventSchemas } from '../../../src/core/events/schemas.js';
import { validateEvent } from '../../../src/core/events/validate-event.js';
import type { JsonObject } from '../../../src/core/json/json.js';
import { sampleEvents } from './sample-events.js';

describe('an event', () => {
  it.each(sampleEvents)('of category $category is a CloudEvent for the official SDK', (event) => {
    const parsed = new CloudEvent(JSON.parse(JSON.stringify(event)) as object, true);
    expect(parsed.validate()).toBe(true);
    expect(JSON.parse(JSON.stringify(parsed))).toEqual(event);
    expect(() => new CloudEvent({ ...event, correlationId: '' } as object, true)).toThrow(
      ValidationError,
    );
  });

  it.each(sampleEvents)('of category $category satisfies its schema', (event) => {
    expect(validateEvent(event)).toBe(event);
    expect(event.dataschema).toBe(dataSchemas[event.category].$id);
  });

  it('has its keys in one order, whatever order it was given in', () => {
    const state = sampleEvents[0] as SignalboxEvent;
    expect(Object.keys(state)).toEqual(
      [
        'specversion id source type subject time datacontenttype dataschema partitionkey traceparent',
        'category actor correlationid account revision data',
      ]
        .join(' ')
        .split(' '),
    );
  });

  it('leaves out what it does not have', () => {
    const event = createEvent({
      id: '1',
      source: 's',
      time: '2026-03-01T12:00:00.000Z',
      category: 'UsageEvent',
      type: 'VM.START',
      data: {},
    });
    expect(JSON.stringify(event)).toBe(
      '{"specversion":"1.0","id":"1","source":"s","type":"VM.START","time":"2026-03-01T12:00:00.000Z","datacontenttype":"application/json","dataschema":"https://signalbox.dev/schemas/UsageEvent/1","category":"UsageEvent","data":{}}',
    );
    expect(validateEvent(event)).toBe(event);
  });

  it.each<[string, object, string]>([
    ['no category', { category: undefined }, 'category'],
    ['an unknown category', { category: 'Gossip' }, 'category'],
    ['an empty id', { id: '' }, 'id'],
    ['a time that is none', { time: 'noon' }, 'time'],
    ['a revision beyond 32 bits', { revision: 2 ** 31 }, 'revision'],
    ['no data', { data: undefined }, 'data'],
    ['data of another category', { data: { status: 'Started' } }, 'data.event'],
    ['a state that is no text', { data: { ...sampleEvents[0]?.data, old: 7 } }, 'data.old'],
  ])('with %s is refused, and the property is named', (_, change, property) => {
    try {
      validateEvent({ ...sampleEvents[0], ...change });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RefusedError);
      expect((error as RefusedError).code).toBe('EVENT_INVALID');
      expect((error as RefusedError).parameters['property']).toBe(property);
    }
  });

  it('may have properties that its schema does not name', () => {
    const event = { ...sampleEvents[3], tomorrow: 'x' };
    expect(validateEvent(event)).toBe(event);
  });

  it.each([null, undefined, 7, 'text', []])('is not %j', (value) => {
    expect(() => validateEvent(value)).toThrow(RefusedError);
  });

  it('has a published schema in every category', () => {
    const ids = categories.map((category) => eventSchemas[category].$id);
    expect(new Set(ids).size).toBe(categories.length);
  });

  it('is narrowed by its category', () => {
    const narrow = (event: SignalboxEvent) => {
      if (event.category !== 'ActionEvent') return;
      expectTypeOf(event).toEqualTypeOf<ActionEvent>();
      expectTypeOf(event.data.status).toEqualTypeOf<'Started' | 'Completed' | 'Failed'>();
      expectTypeOf(event.data.details).toEqualTypeOf<JsonObject | undefined>();
      // @ts-expect-error an event is read-only
      event.data.status = 'Started';
    };
    expectTypeOf(narrow).toBeFunction();
  });
});
