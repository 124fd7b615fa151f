import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BusMessage } from '../../../src/delivery/bus/bus.js';
import type { KafkaRecord, ReceivedRecord } from '../../../src/delivery/kafka/driver.js';
import {
  fromDeadLetterRecord,
  fromRecord,
  recordSize,
  toDeadLetterRecord,
  toRecord,
} from '../../../src/delivery/kafka/wire.js';

/** As a cluster gives it back: everything is bytes. */
function received({ key, value, headers }: KafkaRecord): ReceivedRecord {
  return {
    offset: '7',
    key: key === null ? null : Buffer.from(key),
    value,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]),
    ),
  };
}

const text = fc.string({ unit: 'grapheme' });
const headerName = fc.oneof(
  fc
    .stringMatching(/^[a-z][a-z0-9_-]{0,20}$/)
    .filter((name) => name !== 'content-type' && !name.startsWith('x-signalbox-')),
  // What is no name of a property like others.
  fc.constantFrom('__proto__', 'constructor', 'toString'),
);
const messages: fc.Arbitrary<BusMessage> = fc
  .record(
    {
      key: text,
      id: fc.string({ minLength: 1 }),
      contentType: text,
      headers: fc.dictionary(
        headerName,
        fc.oneof(
          text,
          fc.boolean(),
          fc
            .double({ noNaN: true, noDefaultInfinity: true })
            .filter((each) => !Object.is(each, -0)),
        ),
        { noNullPrototype: true },
      ),
      body: fc.uint8Array(),
      partitionKey: fc.string({ minLength: 1 }),
    },
    { requiredKeys: ['key', 'id', 'contentType', 'headers', 'body'] },
  )
  .map((each) => ({ ...each, body: Buffer.from(each.body) }));

it('a message comes back as it was sent, with the types of its headers', () => {
  fc.assert(
    fc.property(messages, (message) => {
      expect(fromRecord(received(toRecord(message)), 't', 0)).toEqual(message);
    }),
  );
});

it('a dead letter keeps the message, and says why, when, whence and by whom', () => {
  const error = Object.assign(new Error('no such volume'), { code: 'ENOENT' });
  const from = {
    time: '2026-01-01T00:00:00.000Z',
    topic: 'signalbox',
    member: 'host:1',
    body: 'within' as const,
  };
  fc.assert(
    fc.property(messages, text, fc.nat(), (message, reason, attempts) => {
      const record = toDeadLetterRecord('letter', message, { reason, attempts, error }, from);
      expect(record.key).toBe('letter');
      expect(fromDeadLetterRecord(received(record), 't', 0, 'billing')).toEqual({
        message,
        pool: 'billing',
        reason,
        attempts,
        time: from.time,
        error: { name: 'Error', message: 'no such volume', code: 'ENOENT' },
        origin: { exchange: 'signalbox', member: 'host:1' },
      });
    }),
  );
});

it('whatever others write under our names is read without an error', () => {
  const headers = fc.dictionary(
    fc.constantFrom('x-signalbox-types', 'x-signalbox-error', 'x-signalbox-attempts', 'ce_id', 'a'),
    fc.oneof(text, fc.json()),
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(headers, (given) => {
      const record = received({ key: null, value: null, headers: given });
      const message = fromRecord(record, 't', 3);
      expect(message.id).toBe(given['ce_id'] ?? 't/3/7');
      expect(message.body).toHaveLength(0);
      expect(fromDeadLetterRecord(record, 't', 3, 'p').pool).toBe('p');
    }),
  );
});

it('the size of a record is no less than its parts', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const parts = message.body.length + Buffer.byteLength(message.key + message.id);
      expect(recordSize(toRecord(message))).toBeGreaterThanOrEqual(parts);
    }),
  );
});
