import type { SignalboxEvent } from '../../core/events/event.js';
import type { RoutingKeyParts } from '../../core/events/routing-key.js';

/** An event as it goes on the wire: what a bus calls a message. */
export interface EncodedEvent {
  /** The routing key. */
  readonly key: string;
  /** The event's id; stable over every redelivery. */
  readonly id: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string | number | boolean>>;
  readonly body: Uint8Array;
  /** The resource's uuid; absent when the event concerns no resource. */
  readonly partitionKey?: string;
}

/** The parts of an encoded event that tell what the event is. */
export interface ReceivedEvent extends Pick<
  EncodedEvent,
  'key' | 'headers' | 'contentType' | 'body'
> {
  /** As the transport tells it; the id of an event whose format has no place for one. */
  readonly id?: string;
  /**
   * When it was received: UTC, ISO 8601. Becomes the time of an event whose sender tells none, as
   * CloudStack does for jobs; without it such an event is refused.
   */
  readonly receivedAt?: string;
  /** Bytes that a compressed body may inflate to. Default 2 MiB. */
  readonly maxIncoming?: number;
}

/** Attributes of a journal row's event besides the JSON text. */
export interface EnvelopeHead extends RoutingKeyParts {
  readonly id: string;
}

/**
 * How events look on the wire. A format is pure: it neither connects nor keeps state, and the same
 * event always gives the same bytes, so that signing, size limits and replay share one image.
 */
export interface Format {
  /** Such as `cloudevents`; what configuration files call it by. */
  readonly name: string;
  /** Pure. Throws RefusedError ROUTING_KEY_TOO_LONG. */
  encode(event: SignalboxEvent): EncodedEvent;
  /**
   * Pure. Encodes the CloudEvents JSON text that the journal keeps, of the event that `head` is of;
   * gives what `encode` gives. Throws RefusedError ROUTING_KEY_TOO_LONG. An event that it throws for,
   * whatever it throws, is parked: what is pure would throw again.
   */
  encodeText(head: EnvelopeHead, text: string): EncodedEvent;
  /**
   * Pure. Rejects with RefusedError EVENT_INVALID for anything that is not a valid event.
   * Asynchronous, so that what checks events is loaded only where events are read.
   */
  decode(message: ReceivedEvent): Promise<SignalboxEvent>;
  /**
   * Pure. Given patterns of routing keys (`source.category.type.resource.uuid`), the topic patterns
   * that find at least the same events under the keys of this format. May find more: subscribers hold
   * each decoded event to the patterns they asked for. Absent where the keys are the routing keys.
   */
  bindings?(patterns: readonly string[]): readonly string[];
}
