import { expect, it } from 'vitest';
import { RefusedError } from '../../../src/core/errors/errors.js';
import { routingKeyOf } from '../../../src/core/events/routing-key.js';
import { parseTraceLine } from '../../../src/tools/trace/trace-line.js';
import { sampleEvents } from '../../core/events/sample-events.js';

it('reads an event of any category, bare or with its routing key', () => {
  for (const event of sampleEvents) {
    expect(parseTraceLine(JSON.stringify(event))).toEqual(event);
    const line = { routingKey: routingKeyOf(event), event };
    expect(parseTraceLine(JSON.stringify(line))).toEqual(event);
  }
});

it.each(['', '  ', '{"summary":{}}', '{"routingKey":"a.b","contentType":"","body":"AA=="}'])(
  'passes over %j',
  (line) => {
    expect(parseTraceLine(line)).toBeUndefined();
  },
);

it.each(['{', 'null', '[]', '7', '{}', '{"event":{}}', '{"specversion":"1.0"}', 'time: now'])(
  'refuses %j',
  (line) => {
    expect(() => parseTraceLine(line)).toThrow(RefusedError);
  },
);
