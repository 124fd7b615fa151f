import type { Msg, NatsConnection } from '@nats-io/transport-node';

/** Facts of a delivery that JetStream encodes in its reply subject. */
export interface DeliveryFacts {
  /** The name of the consumer that handed it out. */
  readonly consumer: string;
  /** The message's place in its stream. */
  readonly sequence: number;
  /** Of the message and of no other, not even of one in its place in a stream that was made anew. */
  readonly identity: string;
  /** 1 when it was handed out for the first time. */
  readonly count: number;
  /** Counts what the consumer has handed out, to anybody. */
  readonly turn: number;
}

/**
 * Pure. Reads `$JS.ACK.<stream>.<consumer>.<count>.<sequence>.<turn>.<stored at>.…`, of which newer servers have a form with
 * domain and account before the stream. Undefined for what is no delivery.
 *
 * @see https://docs.nats.io/reference/reference-protocols/nats_api_reference
 */
export function deliveryFacts(reply: string | undefined): DeliveryFacts | undefined {
  const words = reply?.split('.') ?? [];
  if (words[0] !== '$JS' || words[1] !== 'ACK') return undefined;
  const counted = words.length >= 11 ? 6 : 4;
  const [count, sequence, turn] = words.slice(counted, counted + 3).map(Number);
  if (count === undefined || sequence === undefined || turn === undefined) return undefined;
  if (![count, sequence, turn].every((each) => Number.isInteger(each))) return undefined;
  const consumer = words[counted - 1] ?? '';
  const storedAt = words[counted + 3] ?? '';
  return { consumer, count, sequence, turn, identity: `${sequence} ${storedAt}` };
}

/** The message is handled. */
export function acknowledge(delivery: Msg): void {
  delivery.respond('+ACK');
}

/**
 * The message of this reply subject is handled, as was said before. Resolves with true when the server has
 * understood this, and so all that its consumer was told before. Never rejects.
 */
export async function confirmAcknowledged(nats: NatsConnection, reply: string): Promise<boolean> {
  return understood(nats, reply, '+ACK');
}

/**
 * The message is to be handed out again, at once. Resolves with true when the server has understood: only
 * then is it sure to come before what is asked for next. Never rejects: what the server did not hear it
 * learns by time.
 */
export async function giveBack(nats: NatsConnection, delivery: Msg): Promise<boolean> {
  return understood(nats, delivery.reply ?? '', '-NAK');
}

async function understood(nats: NatsConnection, reply: string, answer: string): Promise<boolean> {
  return nats.request(reply, answer, { timeout: 2_000 }).then(
    () => true,
    () => false,
  );
}

/** The message is still being handled: its time begins anew. */
export function keepWorking(delivery: Msg): void {
  delivery.respond('+WPI');
}
