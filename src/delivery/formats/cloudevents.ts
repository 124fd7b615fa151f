import type { SignalboxEvent } from '../../core/events/event.js';
import { routingKey, routingKeyOf } from '../../core/events/routing-key.js';
import { checkEvent } from './check-event.js';
import { eventInvalid, parseBody } from './event-invalid.js';
import type { EncodedEvent, EnvelopeHead, Format, ReceivedEvent } from './format.js';
import { mediaTypeOf } from './media-type.js';

const contentType = 'application/cloudevents+json; charset=utf-8';

/** The media type of a CloudEvent in structured mode. */
export const structuredMediaType = 'application/cloudevents+json';

const noHeaders: EncodedEvent['headers'] = Object.freeze({});

/**
 * CloudEvents 1.0 in structured JSON mode, the default: the body is the whole event, so that it means
 * the same in a queue, a file or an HTTP request. The text that was committed is sent byte for byte.
 */
export const cloudEvents: Format = Object.freeze({
  name: 'cloudevents',

  encode(event: SignalboxEvent): EncodedEvent {
    return encodeAs(routingKeyOf(event), event.id, event.partitionkey, JSON.stringify(event));
  },

  encodeText(head: EnvelopeHead, text: string): EncodedEvent {
    return encodeAs(routingKey(head), head.id, head.uuid, text);
  },

  async decode(message: ReceivedEvent): Promise<SignalboxEvent> {
    if (mediaTypeOf(message.contentType) !== structuredMediaType) {
      throw eventInvalid(
        'CloudEvent',
        'contentType',
        `is ${message.contentType || 'absent'}, not ${structuredMediaType}`,
      );
    }
    return checkEvent(parseBody(message.body, 'CloudEvent'));
  },
});

function encodeAs(
  key: string,
  id: string,
  partitionKey: string | undefined,
  text: string,
): EncodedEvent {
  const body = Buffer.from(text);
  if (partitionKey === undefined) return { key, id, contentType, headers: noHeaders, body };
  return { key, id, contentType, headers: noHeaders, body, partitionKey };
}
