import type { SignalboxEvent } from '../../../core/events/event.js';
import type { JsonObject } from '../../../core/json/json.js';
import { checkEvent } from '../check-event.js';
import type { EncodedEvent, EnvelopeHead, Format, ReceivedEvent } from '../format.js';
import { notificationKey, osloContentType, readEnvelope, writeEnvelope } from './envelope.js';
import { fromOslo } from './from-oslo.js';
import { toNotification, type NotificationMapping } from './to-notification.js';

/** How events look to listeners of oslo.messaging. */
export interface OsloFormatOptions extends NotificationMapping {
  /** The first part of each routing key; default `notifications`. Theirs is `topics` of their settings. */
  readonly topic?: string;
}

const noHeaders: EncodedEvent['headers'] = Object.freeze({});

/**
 * Notifications of OpenStack in the envelope of messagingv2, under the keys `notifications.info` and
 * the like; reads those of any OpenStack service, by `fromOslo`. What Signalbox wrote carries every
 * attribute and comes back whole. Pure; choose names and priorities by the options.
 *
 * @example
 * const bus = rabbitmq({ url, exchange: 'openstack', format: oslo({ stateChanges: 'update' }) });
 */
export function oslo({ topic = 'notifications', ...mapping }: OsloFormatOptions = {}): Format {
  const encode = (event: SignalboxEvent): EncodedEvent => {
    const { notification, priority, context } = toNotification(event, mapping);
    const { data: _, ...attributes } = event;
    const message = {
      key: notificationKey(topic, priority),
      id: event.id,
      contentType: osloContentType,
      headers: noHeaders,
      body: writeEnvelope(notification, context, { cloudevent: attributes as JsonObject }),
    };
    const { partitionkey } = event;
    return partitionkey === undefined ? message : { ...message, partitionKey: partitionkey };
  };
  return Object.freeze({
    name: 'oslo',
    encode,
    encodeText(_: EnvelopeHead, text: string): EncodedEvent {
      // Ours, and checked before it was committed.
      return encode(JSON.parse(text) as SignalboxEvent);
    },
    async decode(message: ReceivedEvent): Promise<SignalboxEvent> {
      const { resources } = mapping;
      const { receivedAt } = message;
      const options = {
        ...(resources === undefined ? {} : { resources }),
        ...(receivedAt === undefined ? {} : { receivedAt }),
      };
      return checkEvent(fromOslo(readEnvelope(message), options));
    },
    // The keys tell a priority and nothing else.
    bindings: () => [`${topic}.*`],
  });
}
