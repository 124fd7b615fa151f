import type { SignalboxEvent } from '../events/event.js';

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
export type ReceivedEvent = Pick<EncodedEvent, 'key' | 'headers' | 'contentType' | 'body'>;

/** What goes into a message besides the JSON text of the event. */
export interface EnvelopeHead {
  readonly key: string;
  readonly id: string;
  readonly partitionKey?: string | undefined;
}

/**
 * How events look on the wire. A format is pure: it neither connects nor keeps state, so one value
 * serves every bus.
 */
export interface Format {
  /** Such as `cloudevents`. */
  readonly name: string;
  /** Pure. Throws RefusedError ROUTING_KEY_TOO_LONG. */
  encode(event: SignalboxEvent): EncodedEvent;
  /** Pure. Encodes the CloudEvents JSON text that the journal keeps. */
  encodeText(head: EnvelopeHead, text: string): EncodedEvent;
  /**
   * Pure. Rejects with RefusedError EVENT_INVALID for anything that is not a valid event.
   * Asynchronous, so that what checks events is loaded only where events are read.
   */
  decode(message: ReceivedEvent): Promise<SignalboxEvent>;
}
