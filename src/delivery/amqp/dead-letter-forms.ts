import { v7 as uuidv7 } from 'uuid';
import type { DeadLetter } from '../bus/bus.js';
import { deadLetterCause, truncateFailure } from '../bus/dead-letter-cause.js';
import type { HandlingFailure } from '../bus/handling-failure.js';
import { memberName } from '../bus/member-name.js';
import { deadLetterHeader as names, isDeadLetterHeader, originOf } from './dead-letter-wire.js';
import { encapsulate } from './encapsulated.js';
import { encodeEntry, tableEntries } from './field-table.js';
import { joinProperties, splitProperties, type RawProperties } from './property-list.js';
import { receivedList } from './received-properties.js';
import { isBrokerHeader, readMessage, type OutgoingMessage, type Received } from './wire.js';

/** Where a message is sent on to. */
export interface Way {
  readonly exchange: string;
  readonly routingKey: string;
}

/** Headers of ours. */
type Facts = Readonly<Record<string, string | number>>;

/**
 * The forms of a dead letter, best first: the message as it came, with why it was given up; the same in
 * fewer words; its properties and body as bytes within the body of another, which has room for headers
 * that fill a whole frame. Each throws when there is no such form.
 */
export function deadLetterForms(
  received: Received,
  failure: HandlingFailure,
  way: Way & { readonly pool: string },
): readonly (() => OutgoingMessage)[] {
  return [
    () => sentOn(received, deadLetterFacts(received, failure, way), way),
    () => sentOn(received, deadLetterFacts(received, truncateFailure(failure), way), way),
    () => encapsulated(received, deadLetterFacts(received, truncateFailure(failure), way), way),
  ];
}

/**
 * A dead letter with the body alone: the last form, for a queue whose broker does not dead-letter what is
 * rejected.
 */
export function bareDeadLetter(
  received: Received,
  failure: HandlingFailure,
  way: Way & { readonly pool: string },
): OutgoingMessage {
  const facts = deadLetterFacts(received, truncateFailure(failure), way);
  const reason = `${facts[names.reason]} (its properties could not be kept)`;
  return withProperties(received, new Map(), { ...facts, [names.reason]: reason }, way);
}

/** The forms of a dead letter on its way back into its pool, as it came the first time; best first. */
export function redriveForms(
  received: Received,
  { message, origin }: DeadLetter,
  way: Way,
): readonly (() => OutgoingMessage)[] {
  const facts = {
    [names.key]: message.key,
    ...(origin.exchange === undefined ? {} : { [names.exchange]: origin.exchange }),
  };
  return [() => sentOn(received, facts, way), () => encapsulated(received, facts, way)];
}

function deadLetterFacts(
  received: Received,
  { reason, attempts, error }: HandlingFailure,
  { exchange: deadLetterExchange, pool }: Way & { readonly pool: string },
): Facts {
  const cause = deadLetterCause(error);
  const { exchange, routingKey } = originOf(received, deadLetterExchange);
  return {
    [names.key]: routingKey,
    [names.exchange]: exchange,
    [names.pool]: pool,
    [names.reason]: reason,
    [names.error]: cause.name,
    [names.errorMessage]: cause.message,
    ...(cause.code === undefined ? {} : { [names.errorCode]: cause.code }),
    [names.attempts]: attempts,
    [names.member]: memberName,
    [names.time]: new Date().toISOString(),
  };
}

/**
 * The message once more, with the bytes of its properties as they came. Not kept: an expiry, which would
 * take it away from among the dead letters, and the publisher's user, whom nobody else may claim to be.
 */
function sentOn(received: Received, facts: Facts, way: Way): OutgoingMessage {
  const properties = new Map(splitProperties(receivedList(received.properties)));
  properties.delete('expiration');
  properties.delete('userId');
  return withProperties(received, properties, facts, way);
}

/** The message within the body of another, with whatever properties it had. */
function encapsulated(received: Received, facts: Facts, way: Way): OutgoingMessage {
  const body = encapsulate(received);
  const outgoing = withProperties(received, new Map(), { ...facts, [names.encapsulated]: 1 }, way);
  return { ...outgoing, message: { ...outgoing.message, body } };
}

/** One whose id cannot be told by another gets one, to be named by. */
function withProperties(
  received: Received,
  properties: RawProperties,
  facts: Facts,
  { exchange, routingKey }: Way,
): OutgoingMessage {
  const message = readMessage(received, exchange);
  const isNamed = (properties.get('messageId')?.length ?? 0) > 0;
  const isTelling = message.id !== '' && Buffer.byteLength(message.id) <= mostIdBytes;
  const id = isNamed || isTelling ? message.id : uuidv7();
  const headers = [...keptEntries(properties.get('headers')), ...entriesOf(facts)];
  return {
    exchange,
    routingKey,
    message: { ...message, id },
    properties: joinProperties(
      new Map([
        ...properties,
        ...(isNamed ? [] : [['messageId', Buffer.from(id)] as const]),
        ['deliveryMode', Buffer.from([persistent])],
        ['headers', Buffer.concat(headers)],
      ]),
    ),
  };
}

/**
 * The bytes of all headers but ours for dead letters, the broker's, and CC and BCC, by which a message
 * would be given to whomever they name once more.
 */
function keptEntries(table: Buffer | undefined): readonly Buffer[] {
  const entries = table === undefined ? [] : [...tableEntries(table)];
  const kept = entries.filter(
    ({ name }) =>
      !isDeadLetterHeader(name) && !isBrokerHeader(name) && name !== 'CC' && name !== 'BCC',
  );
  return kept.map(({ bytes }) => bytes);
}

function entriesOf(facts: Facts): readonly Buffer[] {
  return Object.entries(facts).map(([name, value]) => encodeEntry(name, value));
}

const persistent = 2;

/** Bytes of the longest text that a property of AMQP can hold. */
const mostIdBytes = 255;
