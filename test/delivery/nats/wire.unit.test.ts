import type { StoredMsg } from '@nats-io/jetstream';
import { headers, type Msg, type MsgHdrs } from '@nats-io/transport-node';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  deliveryHeaders,
  mostHeaders,
  readHeaderBlock,
  storedHeaders,
} from '../../../src/delivery/nats/header-block.js';
import { natsHeaders, readNatsMessage } from '../../../src/delivery/nats/wire.js';

/** As the client writes them. */
function blockOf(sent: MsgHdrs): ReturnType<typeof readHeaderBlock> {
  const lines = sent.keys().map((each) => `${each}: ${sent.get(each)}\r\n`);
  return readHeaderBlock(Buffer.from(`NATS/1.0\r\n${lines.join('')}\r\n`));
}

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
        const read = readNatsMessage('a.b', blockOf(sent), message.body);
        expect(new Map(Object.entries(read.headers))).toEqual(new Map(Object.entries(own)));
        expect({ ...read, headers: {} }).toEqual({ ...message, headers: {} });
      },
    ),
  );
});

it('a message of another program has what NATS knows of it', () => {
  const foreign = readHeaderBlock(
    Buffer.from('NATS/1.0\r\nNats-Msg-Id: 42\r\nce-type:100% plain \r\nce-type: x\r\n\r\n'),
  );
  expect(readNatsMessage('a', foreign, Buffer.from('{}'))).toMatchObject({
    key: 'a',
    id: '42',
    contentType: '',
    headers: { 'ce-type': '100% plain' },
  });
  expect(readNatsMessage('a', undefined, Buffer.from(''))).toMatchObject({ id: '', headers: {} });
});

it('no more headers are read than the bound', () => {
  const block = (count: number): Buffer =>
    Buffer.from(
      `NATS/1.0\r\n${Array.from({ length: count }, (_, index) => `${index}:\r\n`).join('')}`,
    );
  expect(readHeaderBlock(block(mostHeaders)).size).toBe(mostHeaders);
  expect(() => readHeaderBlock(block(mostHeaders + 1))).toThrow(`more than ${mostHeaders}`);
});

it('headers are read where the client does not show their bytes', () => {
  const shown = headers();
  shown.append('h', 'x');
  shown.append('h', 'y');
  expect(deliveryHeaders({ headers: shown } as Msg)).toEqual(new Map([['h', 'x']]));
  expect(storedHeaders({ header: shown } as StoredMsg)).toEqual(new Map([['h', 'x']]));
  expect(deliveryHeaders({ headers: undefined } as Msg)).toBeUndefined();
});
