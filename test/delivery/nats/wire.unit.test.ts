import { headers } from '@nats-io/transport-node';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { natsHeaders, readNatsMessage } from '../../../src/delivery/nats/wire.js';

const text = fc.string({ unit: 'grapheme' });
const name = fc.oneof(
  text.filter((each) => each !== ''),
  fc.constantFrom('Nats-Msg-Id', 'nats-x', 'Content-Type', 'Signalbox-Id', '__proto__', 'ce-id'),
);
const value = fc.oneof(
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
  fc.boolean(),
);

it('a message is the same behind NATS headers, whatever its own headers are', () => {
  fc.assert(
    fc.property(
      text,
      text,
      fc.option(text, { nil: undefined }),
      fc.array(fc.tuple(name, value)),
      (id, contentType, partitionKey, pairs) => {
        const own: Record<string, string | number | boolean> = {};
        for (const [key, each] of pairs) {
          Object.defineProperty(own, key, { value: each, enumerable: true, configurable: true });
        }
        const message = {
          key: 'a.b',
          id,
          contentType,
          headers: own,
          body: Buffer.from('x'),
          ...(partitionKey === undefined ? {} : { partitionKey }),
        };
        const sent = natsHeaders(message);
        for (const header of sent.keys()) {
          expect(header).toMatch(/^[\x21-\x7e]+$/);
          expect(sent.get(header)).toMatch(/^[\x21-\x7e]*$/);
        }
        const read = readNatsMessage('a.b', sent, message.body);
        expect(new Map(Object.entries(read.headers))).toEqual(new Map(Object.entries(own)));
        expect({ ...read, headers: {} }).toEqual({ ...message, headers: {} });
      },
    ),
  );
});

it('a message of another program has what NATS knows of it', () => {
  const foreign = headers();
  foreign.set('Nats-Msg-Id', '42');
  foreign.set('ce-type', '100% plain');
  expect(readNatsMessage('a', foreign, Buffer.from('{}'))).toMatchObject({
    key: 'a',
    id: '42',
    contentType: '',
    headers: { 'ce-type': '100% plain' },
  });
  expect(readNatsMessage('a', undefined, Buffer.from(''))).toMatchObject({ id: '', headers: {} });
});
