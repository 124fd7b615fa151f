import type { GetMessage } from 'amqplib';
import { expect, test } from 'vitest';
import { readDeadLetter } from '../../../src/delivery/amqp/dead-letter-wire.js';

const received = (headers: Readonly<Record<string, unknown>>): GetMessage =>
  ({
    content: Buffer.from('body'),
    fields: { exchange: 'signalbox/dead-letters', routingKey: 'p' },
    properties: { headers, messageId: 'id', contentType: 'text/plain' },
  }) as unknown as GetMessage;

const read = (headers: Readonly<Record<string, unknown>>) =>
  readDeadLetter(received(headers), 'p', 'signalbox/dead-letters');

test('what the broker tells of a message that it gave up is read', () => {
  const death = {
    reason: 'delivery_limit',
    exchange: 'signalbox',
    'routing-keys': ['a.b'],
    time: { '!': 'timestamp', value: 1_700_000_000 },
  };
  expect(read({ 'x-death': [death] })).toMatchObject({
    message: { key: 'a.b' },
    reason: 'the broker gave it up: delivery_limit',
    time: '2023-11-14T22:13:20.000Z',
    origin: { exchange: 'signalbox' },
  });
});

test.each([
  ['a text', 'death'],
  ['nothing', null],
  ['a list of nothing', [null]],
  ['an empty list', []],
  ['a death without a key or a time', [{}]],
  ['a key and a time of another kind', [{ 'routing-keys': 'a.b', time: 'yesterday', exchange: 7 }]],
  ['a time that no calendar has', [{ 'routing-keys': [7], time: { value: 1e18 }, reason: {} }]],
])('where somebody else wrote %s in its place, that is not told', (_, death) => {
  expect(read({ 'x-death': death })).toMatchObject({
    message: { key: 'p' },
    reason: 'the broker gave it up: unknown',
    time: '',
    origin: {},
  });
});
