import { HTTP } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../../src/core/errors/errors.js';
import { parseSubject } from '../../../src/core/events/create-event.js';
import { routingKeyOf } from '../../../src/core/events/routing-key.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { cloudEvents } from '../../../src/delivery/formats/cloudevents.js';
import type { ReceivedEvent } from '../../../src/delivery/formats/format.js';
import { sampleEvents } from '../../core/events/sample-events.js';

const sample = sampleEvents[0] as SignalboxEvent;
const sampleHead = { ...sample, ...parseSubject(sample.subject) };

function received(body: string | Uint8Array, change: Partial<ReceivedEvent> = {}): ReceivedEvent {
  return {
    key: routingKeyOf(sample),
    headers: {},
    contentType: 'application/cloudevents+json; charset=utf-8',
    body: typeof body === 'string' ? Buffer.from(body) : body,
    ...change,
  };
}

describe('the cloudevents format', () => {
  it.each(sampleEvents)('reads back the $category it wrote', async (event) => {
    const encoded = cloudEvents.encode(event);
    expect(await cloudEvents.decode(encoded)).toEqual(event);
    expect(encoded).toMatchObject({ id: event.id, key: routingKeyOf(event) });
    expect(encoded.partitionKey).toBe(event.partitionkey);
    expect('partitionKey' in encoded).toBe(event.partitionkey !== undefined);
  });

  it('is structured mode for the official SDK', () => {
    const { contentType, body } = cloudEvents.encode(sample);
    const message = {
      headers: { 'content-type': contentType },
      body: Buffer.from(body).toString(),
    };
    expect(HTTP.toEvent(message)).toMatchObject({ id: sample.id, data: sample.data });
  });

  it('sends the committed text byte for byte', () => {
    const text = '{ "b":1,  "a":"\\u00e9é" }';
    const { body } = cloudEvents.encodeText(sampleHead, text);
    expect(Buffer.from(body).toString()).toBe(text);
  });

  const json = JSON.stringify(sample);
  it.each<[string, ReceivedEvent]>([
    ['another content type', received(json, { contentType: 'application/json' })],
    ['no content type', received(json, { contentType: '' })],
    ['no JSON', received('{')],
    ['an empty body', received('')],
    ['no UTF-8', received(Buffer.from([0x7b, 0xff, 0x7d]))],
    ['a key __proto__', received(json.replace('"data":{', '"data":{"__proto__":{"admin":true},'))],
    ['a hidden key __proto__', received(json.replace('"data":{', '"data":{"\\u005f_proto__":1,'))],
    ['JSON nested too deep', received('['.repeat(100) + ']'.repeat(100))],
    ['JSON that is no event', received('{"specversion":"1.0"}')],
    ['an event that breaks its schema', received(json.replace('"changed":true', '"changed":1'))],
  ])('refuses %s', async (_, message) => {
    try {
      await cloudEvents.decode(message);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RefusedError);
      expect((error as RefusedError).code).toBe('EVENT_INVALID');
    }
  });

  it('reads a content type in any case and with any parameters', async () => {
    const message = received(json, { contentType: 'Application/CloudEvents+JSON;charset=UTF-8' });
    expect(await cloudEvents.decode(message)).toEqual(sample);
  });
});
