import { RefusedError } from '../../core/errors/errors.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import { validateEvent } from '../../core/events/validate-event.js';

/**
 * Reads one line of a trace: a CloudEvent, or an object that holds one under `event`, as `signalbox tail
 * --format json` and `signalbox demo --json` print it. Pure. Undefined for an empty line, for the demo's
 * summary, and for a message of another program that `tail` printed. Throws RefusedError EVENT_INVALID
 * for anything else.
 */
export function parseTraceLine(text: string): SignalboxEvent | undefined {
  if (text.trim() === '') return undefined;
  const value = parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('It is JSON, but no object.');
  }
  if ('specversion' in value) return validateEvent(value);
  if ('event' in value) return validateEvent(value.event);
  if ('summary' in value) return undefined;
  if ('routingKey' in value && 'body' in value) return undefined;
  throw invalid('It is neither a CloudEvent nor an object with an event.');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('It is not JSON. A trace has one JSON object on each line.');
  }
}

function invalid(message: string): RefusedError {
  return RefusedError.of('EVENT_INVALID', message);
}
