import { CloudEvent, HTTP, Kafka } from 'cloudevents';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSubject } from '../../../src/core/events/create-event.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { routingKeyOf } from '../../../src/core/events/routing-key.js';
import { cloudEventsBinary } from '../../../src/delivery/formats/cloudevents-binary.js';
import { cloudEvents } from '../../../src/delivery/formats/cloudevents.js';
import type { ReceivedEvent } from '../../../src/delivery/formats/format.js';
import { sampleEvents } from '../../core/events/sample-events.js';
import { randomEvent } from './random-event.js';

const sample = sampleEvents[0] as SignalboxEvent;
const transports = ['amqp', 'kafka', 'nats'] as const;
const kafka = cloudEventsBinary('kafka');

/** As the official SDK gives an event: its own classes and an upper bound on nothing. */
function plain(event: unknown): unknown {
  return JSON.parse(JSON.stringify(event));
}

describe.each(transports)('CloudEvents in binary mode on %s', (transport) => {
  const format = cloudEventsBinary(transport);

  it('reads back every event it wrote', async () => {
    await fc.assert(
      fc.asyncProperty(randomEvent, async (event) => {
        const encoded = format.encode(event);
        expect(await format.decode(encoded)).toEqual(event);
        expect([encoded.id, encoded.partitionKey]).toEqual([event.id, event.partitionkey]);
        expect(encoded.key).toBe(routingKeyOf(event));
      }),
    );
  });

  it('makes the same message of an event and of its text', () => {
    fc.assert(
      fc.property(randomEvent, (event) => {
        const head = { ...event, ...parseSubject(event.subject) };
        expect(format.encodeText(head, JSON.stringify(event))).toEqual(format.encode(event));
      }),
    );
  });

  it('reads structured mode too', async () => {
    expect(await format.decode(cloudEvents.encode(sample))).toEqual(sample);
  });
});

describe('the official SDK', () => {
  it('reads what we write to Kafka', () => {
    fc.assert(
      fc.property(randomEvent, (event) => {
        const { headers, contentType, body, partitionKey } = kafka.encode(event);
        const read = Kafka.toEvent({
          headers: { ...headers, 'content-type': contentType },
          key: partitionKey,
          value: Buffer.from(body),
          body: undefined,
        } as unknown as Parameters<typeof Kafka.toEvent>[0]);
        const { revision } = event;
        // Kafka knows no numbers, and the SDK no extension of ours that is one.
        const expected = revision === undefined ? event : { ...event, revision: String(revision) };
        expect(plain(read)).toEqual(expected);
      }),
    );
  });

  it('writes to Kafka what we read', async () => {
    await fc.assert(
      fc.asyncProperty(randomEvent, async (event) => {
        const { headers, value } = Kafka.binary(new CloudEvent(plain(event) as never));
        const { 'content-type': contentType, ...rest } = headers as Record<string, string>;
        const message = { key: '', contentType: contentType ?? '', headers: rest };
        const body = Buffer.from(JSON.stringify(value));
        expect(await kafka.decode({ ...message, body })).toEqual(event);
      }),
    );
  });

  it('reads the headers of NATS as those of HTTP', () => {
    const { headers, contentType, body } = cloudEventsBinary('nats').encode(sample);
    const read = HTTP.toEvent({
      headers: { ...headers, 'content-type': contentType } as Record<string, string>,
      body: Buffer.from(body).toString(),
    });
    expect(plain(read)).toEqual({ ...sample, revision: String(sample.revision) });
  });
});

describe('a header', () => {
  it('of Kafka is text, of AMQP what the attribute is, of NATS visible ASCII', () => {
    const event = { ...sample, actor: 'Zoë "50%"' };
    expect(kafka.encode(event).headers).toMatchObject({ ce_revision: '7', ce_specversion: '1.0' });
    expect(cloudEventsBinary('amqp').encode(event).headers).toMatchObject({
      'cloudEvents:revision': 7,
      'cloudEvents:actor': 'Zoë "50%"',
    });
    expect(cloudEventsBinary('nats').encode(event).headers).toMatchObject({
      'ce-actor': 'Zo%C3%AB%20%2250%25%22',
    });
  });

  it('of AMQP is read with an underscore too', async () => {
    const amqp = cloudEventsBinary('amqp');
    const encoded = amqp.encode(sample);
    const headers = Object.fromEntries(
      Object.entries(encoded.headers).map(([name, value]) => [name.replace(':', '_'), value]),
    );
    expect(await amqp.decode({ ...encoded, headers })).toEqual(sample);
  });
});

describe('a message that is no event is refused with its reason', () => {
  const good = kafka.encode(sample);
  const { ce_id: _, ...withoutId } = good.headers;
  it.each<[string, Partial<ReceivedEvent>, RegExp]>([
    ['no attribute', { headers: { other: 'x' } }, /no attribute such as ce_id/],
    ['no id', { headers: withoutId }, /id is missing/],
    ['another version', { headers: { ...good.headers, ce_specversion: '0.3' } }, /specversion/],
    ['no JSON', { body: Buffer.from('{') }, /not JSON/],
    ['a number that would be rounded', { body: Buffer.from('{"a":9007199254740993}') }, /90071992/],
    ['NaN', { body: Buffer.from('{"a":NaN}') }, /NaN/],
    ['another content type', { contentType: 'text/plain' }, /text\/plain/],
    ['no content type', { contentType: '' }, /absent/],
    ['an attribute data', { headers: { ...good.headers, ce_data: '{}' } }, /ce_data/],
    ['a hidden prototype', { headers: { ...good.headers, ce___proto__: 'x' } }, /ce___proto__/],
    ['a revision of text', { headers: { ...good.headers, ce_revision: 'seven' } }, /revision/],
    ['avro', { contentType: 'application/cloudevents+avro' }, /avro/],
  ])('%s', async (_name, change, reason) => {
    await expect(kafka.decode({ ...good, ...change })).rejects.toMatchObject({
      name: 'RefusedError',
      code: 'EVENT_INVALID',
      message: expect.stringMatching(reason),
    });
  });
});
