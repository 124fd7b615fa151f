import { createHash } from 'node:crypto';
import { RefusedError } from '../../core/errors/errors.js';
import type { BusMessage, DeadLetter } from './bus.js';
import { deadLetterText, truncateFailure } from './dead-letter-cause.js';
import type { HandlingFailure } from './handling-failure.js';

/** Where a dead letter keeps the body of its message. */
export type BodyPlace = 'within' | 'apart' | 'cut';

/** The remaining parts of a message that a transport refused with the facts of its dead letter. */
export interface ReducedLetter {
  readonly message: BusMessage;
  readonly failure: HandlingFailure;
  readonly body: BodyPlace;
}

/** Characters of an id, a content type or a key that are kept when the headers are not. */
const longestProperty = 255;

/** Bytes that are kept of a body for which there is no room. */
const firstBytes = 1_024;

const noBody = new Uint8Array(0);

/**
 * The forms of a dead letter for a transport that bounds a message with its headers; best first: as it came;
 * with its reason in fewer words; with its body in a message of its own, which is no larger than the one
 * that was delivered; the same without its headers; the first bytes and the digest of its body.
 */
export function reducedLetters(message: BusMessage, failure: HandlingFailure): ReducedLetter[] {
  const terse = truncateFailure(failure);
  const bare = withoutHeaders(message);
  const { reason } = terse;
  const told = (lost: string): HandlingFailure => ({ ...terse, reason: `${reason} (${lost})` });
  const noHeaders = told('its headers were too large to keep');
  return [
    { message, failure, body: 'within' },
    { message, failure: terse, body: 'within' },
    { message: { ...message, body: noBody }, failure: terse, body: 'apart' },
    { message: { ...bare, body: noBody }, failure: noHeaders, body: 'apart' },
    {
      message: { ...bare, body: message.body.subarray(0, firstBytes) },
      failure: told(
        `too large to keep: the first ${firstBytes} of ${message.body.byteLength} bytes are here, their sha256 is ${sha256(message.body)}`,
      ),
      body: 'cut',
    },
  ];
}

/** Pure. The letter with the body that was kept apart; one whose body somebody deleted says so. */
export function rejoined(letter: DeadLetter, body: Uint8Array | undefined): DeadLetter {
  if (body !== undefined) return { ...letter, message: { ...letter.message, body } };
  return { ...letter, reason: `${letter.reason} (somebody deleted its body)` };
}

/** Pure. Why a letter that has not all of its message cannot go back into its pool. */
export function cannotRedrive({ pool, message: { id, key } }: DeadLetter): RefusedError {
  return RefusedError.of(
    'PUBLISH_REFUSED',
    `The dead letter of the message ${id} under ${key} does not hold all of its body. Publish or replay the message from its source, then drop the letter.`,
    { pool, id, key },
  );
}

function withoutHeaders({ key, id, contentType, body, partitionKey }: BusMessage): BusMessage {
  const keepsOrder = partitionKey !== undefined && partitionKey.length <= longestProperty;
  return {
    key: deadLetterText(key, longestProperty),
    id: deadLetterText(id, longestProperty),
    contentType: deadLetterText(contentType, longestProperty),
    headers: {},
    body,
    ...(keepsOrder ? { partitionKey } : {}),
  };
}

function sha256(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}
