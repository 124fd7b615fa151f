import { ConfigurationError, RefusedError } from '../../../core/errors/errors.js';
import type { EncodedEvent, Format, ReceivedEvent } from '../format.js';
import { type PreparedKey, prepareKey, type SigningKey } from './signing-keys.js';

/** How events are signed and verified. */
export interface SignedEventsOptions {
  /**
   * Events are signed by the first key that can, and verified by all. To change a key: add the new one
   * behind the old where events are read, then put it first where they are published, and remove the
   * old one when nothing signed by it is left.
   */
  readonly keys: readonly SigningKey[];
  /**
   * Milliseconds after which a signature is no longer accepted: the longest that an event may wait in a
   * queue or as a dead letter. Default 7 days. Infinity for no limit.
   */
  readonly maxAge?: number;
  /** `accept` for the time in which not every publisher signs. Default `refuse`. */
  readonly unsigned?: 'refuse' | 'accept';
}

const week = 7 * 24 * 60 * 60_000;

/** Milliseconds that the clock of a publisher may be ahead. */
const skew = 5 * 60_000;

/**
 * A format whose events are signed when they are published and verified when they are read, by the
 * scheme of Standard Webhooks: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`
 * over id, time and body, and `signalbox-key-id`. The same verifier serves webhooks. What is refused is
 * dead-lettered with the reason.
 *
 * Throws ConfigurationError CONFIG_VALUE_INVALID for keys that are none, and for a format that keeps a
 * part of the event outside of the body, which is all that is signed.
 *
 * @example
 * const format = signedEvents(cloudEvents, { keys: [{ id: '2026-11', key: process.env.EVENT_KEY }] });
 * const bus = rabbitmq({ url, format });
 */
export function signedEvents(
  format: Format,
  { keys, maxAge = week, unsigned = 'refuse' }: SignedEventsOptions,
): Format {
  if (format.bindings !== undefined || format.name === 'cloudevents-binary') {
    throw invalid(`the format ${format.name} keeps a part of each event outside of the body`);
  }
  if (!(maxAge > 0)) throw invalid('maxAge is a number of milliseconds, above 0');
  if (unsigned !== 'refuse' && unsigned !== 'accept')
    throw invalid("unsigned is 'refuse' or 'accept'");
  const known = (Array.isArray(keys) ? keys : []).map(prepareKey);
  if (known.length === 0) throw invalid('no key is given');
  if (new Set(known.map(({ id }) => id)).size < known.length) throw invalid('two keys have one id');
  const signer = known.find((key) => key.sign !== undefined);

  const signed = (encoded: EncodedEvent): EncodedEvent => {
    if (signer?.sign === undefined) throw invalid('no key can sign: those given only verify');
    const timestamp = String(Math.floor(Date.now() / 1000));
    return {
      ...encoded,
      headers: {
        ...encoded.headers,
        'webhook-id': encoded.id,
        'webhook-timestamp': timestamp,
        'webhook-signature': signer.sign(contentOf(encoded.id, timestamp, encoded.body)),
        'signalbox-key-id': signer.id,
      },
    };
  };

  return Object.freeze({
    name: `signed-${format.name}`,
    encode: (event) => signed(format.encode(event)),
    encodeText: (head, text) => signed(format.encodeText(head, text)),
    async decode(message) {
      const id = verified(message, known, { maxAge, unsigned });
      const event = await format.decode(message);
      if (id !== undefined && id !== event.id) throw refused('it was signed as another event');
      return event;
    },
  } satisfies Format);
}

/** The id that was signed; undefined for a message that is not signed, where that is accepted. */
function verified(
  { headers, body }: ReceivedEvent,
  keys: readonly PreparedKey[],
  { maxAge, unsigned }: { readonly maxAge: number; readonly unsigned: 'refuse' | 'accept' },
): string | undefined {
  const given = new Map(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const text = (name: string): string => {
    const value = given.get(name);
    return value === undefined ? '' : String(value);
  };
  const [id, timestamp, signatures] = parts.map(text) as [string, string, string];
  if (id === '' && timestamp === '' && signatures === '') {
    if (unsigned === 'accept') return undefined;
    throw refused('it is not signed');
  }
  if (id === '' || !/^\d{1,12}$/.test(timestamp) || signatures === '') {
    throw refused(`it has not all of ${parts.join(', ')}`);
  }
  const named = text('signalbox-key-id');
  const able = named === '' ? keys : keys.filter((key) => key.id === named);
  if (able.length === 0) throw refused(`its key '${named.slice(0, 64)}' is not known here`);
  const content = contentOf(id, timestamp, body);
  const each = signatures.split(' ').slice(0, mostSignatures);
  if (!able.some((key) => each.some((signature) => key.verify(content, signature)))) {
    throw refused('its signature is not of its content and a known key');
  }
  const age = Date.now() - Number(timestamp) * 1000;
  if (age > maxAge) throw refused(`it was signed ${Math.round(age / 1000)} s ago`);
  if (age < -skew) throw refused('its time lies in the future');
  return id;
}

const parts = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];

/** Signatures of one message that are looked at. */
const mostSignatures = 8;

function contentOf(id: string, timestamp: string, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]);
}

function refused(problem: string): RefusedError {
  return RefusedError.of('SIGNATURE_REFUSED', `The message is refused: ${problem}.`, {});
}

function invalid(problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `signedEvents: ${problem}.`, {
    parameters: { key: 'format' },
  });
}
