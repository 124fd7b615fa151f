import { RefusedError } from '../errors/errors.js';
import type { SignalboxEvent } from '../events/event.js';
import { routingKeyOf } from '../events/routing-key.js';
import { assertPlainJson } from '../json/plain-json.js';
import type { EncodedEvent, EnvelopeHead, Format, ReceivedEvent } from './format.js';

const contentType = 'application/cloudevents+json; charset=utf-8';
/** Loaded by the first message to decode: most processes only publish. */
let validator: Promise<typeof import('../events/validate-event.js')> | undefined;

const noHeaders: EncodedEvent['headers'] = Object.freeze({});

/**
 * CloudEvents 1.0 in structured JSON mode, the default: the body is the whole event, so that it means
 * the same in a queue, a file or an HTTP request. The text that was committed is sent byte for byte.
 */
export const cloudEvents: Format = Object.freeze({
  name: 'cloudevents',

  encode(event: SignalboxEvent): EncodedEvent {
    const head = { key: routingKeyOf(event), id: event.id, partitionKey: event.partitionkey };
    return encodeText(head, JSON.stringify(event));
  },

  encodeText,

  async decode(message: ReceivedEvent): Promise<SignalboxEvent> {
    const mediaType = message.contentType.split(';', 1)[0]?.trim().toLowerCase();
    if (mediaType !== 'application/cloudevents+json') {
      throw invalid(
        'contentType',
        `is ${message.contentType || 'absent'}, not application/cloudevents+json`,
      );
    }
    const value = parse(message.body);
    try {
      assertPlainJson(value, 'event');
    } catch (error) {
      throw invalid('event', error instanceof Error ? error.message : 'is not plain JSON');
    }
    const { validateEvent } = await (validator ??= import('../events/validate-event.js'));
    return validateEvent(value);
  },
});

function encodeText({ key, id, partitionKey }: EnvelopeHead, text: string): EncodedEvent {
  const message = { key, id, contentType, headers: noHeaders, body: Buffer.from(text) };
  return partitionKey === undefined ? message : { ...message, partitionKey };
}

function parse(body: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw invalid('body', 'is not UTF-8');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('body', 'is not JSON');
  }
}

function invalid(property: string, problem: string): RefusedError {
  return RefusedError.of('EVENT_INVALID', `The message is no CloudEvent: ${property} ${problem}.`, {
    property,
    problem,
  });
}
