import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../src/errors/errors.js';
import { parseSubject } from '../../src/events/create-event.js';
import type { SignalboxEvent } from '../../src/events/event.js';
import { validateEvent } from '../../src/events/validate-event.js';
import type { ReceivedEvent } from '../../src/formats/format.js';
import { readEnvelope } from '../../src/formats/oslo/envelope.js';
import { fromOslo } from '../../src/formats/oslo/from-oslo.js';
import { oslo } from '../../src/formats/oslo/oslo.js';
import { parseJson } from '../../src/json/parse-json.js';
import fixtures from '../fixtures/oslo-notifications.json' with { type: 'json' };
import { sampleEvents } from '../events/sample-events.js';
import { randomEvent } from './random-event.js';

const format = oslo();
const receivedAt = '2026-01-01T00:00:00.000Z';
const inner = fixtures.notifications[0]?.inner as Record<string, unknown>;

function message(body: string | Uint8Array, change: Partial<ReceivedEvent> = {}): ReceivedEvent {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const contentType = 'application/json';
  return {
    key: 'notifications.info',
    headers: {},
    contentType,
    body: bytes,
    receivedAt,
    ...change,
  };
}

function wrapped(value: unknown, envelope: Record<string, unknown> = {}): string {
  return JSON.stringify({
    'oslo.version': '2.0',
    'oslo.message': JSON.stringify(value),
    ...envelope,
  });
}

function without(name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(inner).filter(([key]) => key !== name));
}

describe('the oslo format', () => {
  it.each([oslo(), oslo({ topic: 'a.b', stateChanges: 'update', publisherId: 'compute.host1' })])(
    'reads back every event it wrote, whole',
    async (each) => {
      await fc.assert(
        fc.asyncProperty(randomEvent, async (event) => {
          expect(await each.decode(each.encode(event))).toEqual(event);
        }),
        { examples: sampleEvents.map((event) => [event]) },
      );
    },
  );

  it('makes the same message of an event and of its text, whenever it is sent', () => {
    fc.assert(
      fc.property(randomEvent, (event) => {
        const head = { ...event, ...parseSubject(event.subject) };
        expect(format.encodeText(head, JSON.stringify(event))).toEqual(format.encode(event));
      }),
    );
  });

  it('gives a priority its key, and every key one binding', () => {
    const keys = sampleEvents.map((event) => format.encode(event).key);
    expect(keys).toEqual([
      'notifications.info',
      'notifications.error',
      'notifications.info',
      'notifications.warn',
      'notifications.info',
    ]);
    expect(format.bindings?.(['*.*.*.*.*'])).toEqual(['notifications.*']);
  });

  it('writes what listeners of OpenStack look for', () => {
    const state = sampleEvents[0] as SignalboxEvent;
    const read = (each: typeof format): unknown => readEnvelope({ ...each.encode(state) });
    const payload = {
      resource_type: 'VirtualMachine',
      uuid: parseSubject(state.subject).uuid,
      instance_id: parseSubject(state.subject).uuid,
      user_id: 'alice',
      old_state: 'Stopped',
      state: 'Starting',
    };
    expect(read(format)).toMatchObject({
      message_id: state.id,
      publisher_id: 'management-server',
      event_type: 'instance.start_requested',
      priority: 'INFO',
      timestamp: '2026-03-01 12:00:00.123000',
      payload,
      context: { request_id: 'job-7', user_id: 'alice' },
    });
    expect(read(oslo({ stateChanges: 'update' }))).toMatchObject({ event_type: 'instance.update' });
    const named = oslo({ stateChanges: 'update', resources: { guest: 'VirtualMachine' } });
    expect(read(named)).toMatchObject({ event_type: 'guest.update' });
    const types = sampleEvents.map((event) => readEnvelope({ ...format.encode(event) }).event_type);
    expect(types.slice(1)).toEqual([
      'vm.start.error',
      'volume.create',
      'alert.resource.stuck',
      'job.update',
    ]);
  });

  it('writes no _unique_id, which would leave a second copy unacknowledged for ever', () => {
    const body = Buffer.from(format.encode(sampleEvents[0] as SignalboxEvent).body).toString();
    expect(body).not.toContain('_unique_id');
  });
});

describe('a notification of OpenStack', () => {
  it('is read from the bytes of oslo.messaging', async () => {
    expect(await format.decode(message(fixtures.verbatim))).toEqual({
      specversion: '1.0',
      id: 'bba10f4d-a4c7-43e6-b874-19dd895b29c0',
      source: 'compute.host1',
      type: 'instance.create',
      subject: 'VirtualMachine',
      time: '2026-11-22T04:50:59.175508Z',
      datacontenttype: 'application/json',
      dataschema: 'https://signalbox.dev/schemas/ActionEvent/1',
      category: 'ActionEvent',
      actor: 'u-1',
      project: 'p-1',
      correlationid: 'req-0001',
      data: { status: 'Completed', details: { i: 0, n: 1 } },
    });
  });

  it.each(fixtures.notifications)('becomes an event: $name', async ({ inner: given, event }) => {
    const read = await format.decode(message(wrapped(given)));
    expect(read).toMatchObject(event);
    expect(read).toMatchObject({ id: given.message_id });
    const { details } = read.data as { readonly details: Record<string, unknown> };
    const whole = typeof given.payload === 'object' && !Array.isArray(given.payload);
    expect(details).toEqual(whole ? given.payload : { payload: given.payload });
  });

  it('keeps the id of a message without one, however often it comes', async () => {
    const read = (body: string): Promise<SignalboxEvent> => format.decode(message(body));
    const [once, again, other] = await Promise.all([
      read(wrapped(without('message_id'))),
      read(wrapped(without('message_id'))),
      read(wrapped({ ...without('message_id'), payload: 1 })),
    ]);
    expect(once.id).toBe(again.id);
    expect(once.id).not.toBe(other.id);
  });
});

/** Forms that oslo.messaging's own listener delivers: none may be lost to us. */
const delivered: readonly [string, ReceivedEvent][] = [
  ['an exact copy', message(wrapped(inner))],
  ['no envelope (driver messaging)', message(JSON.stringify(inner))],
  ['an extra key in the envelope', message(wrapped(inner, { extra: 1 }))],
  ['raw UTF-8', message(wrapped({ ...inner, publisher_id: 'größe.日本' }))],
  ['a priority in lower case', message(wrapped({ ...inner, priority: 'info' }))],
  ['a priority in any case', message(wrapped({ ...inner, priority: 'wArN' }))],
  ['no _context_', message(wrapped(inner))],
  ['a repeated _unique_id', message(wrapped({ ...inner, _unique_id: 'x' }))],
  ['no payload', message(wrapped(without('payload')))],
  ['a payload that is text', message(wrapped({ ...inner, payload: 'text' }))],
  ['a payload that is null', message(wrapped({ ...inner, payload: null }))],
  ['a payload that is a list', message(wrapped({ ...inner, payload: [1, 2] }))],
  ['no message_id', message(wrapped(without('message_id')))],
  ['no timestamp', message(wrapped(without('timestamp')))],
  ['no publisher_id', message(wrapped(without('publisher_id')))],
  ['an ISO timestamp', message(wrapped({ ...inner, timestamp: '2026-11-22T04:50:59.1Z' }))],
  ['an extra field', message(wrapped({ ...inner, colour: 'red' }))],
  [
    'a zlib body that says gzip',
    message(deflateSync(wrapped(inner)), { headers: { compression: 'application/x-gzip' } }),
  ],
  ['a mebibyte', message(wrapped({ ...inner, payload: { bulk: 'x'.repeat(1024 * 1024) } }))],
];

/** Forms that it drops, passes over or rounds: ours keeps each of them, with the reason. */
const refused: readonly [string, ReceivedEvent, RegExp][] = [
  ['no content type', message(wrapped(inner), { contentType: '' }), /absent/],
  [
    'a content type with a charset',
    message(wrapped(inner), { contentType: 'application/json; charset=utf-8' }),
    /charset=utf-8/,
  ],
  ['octets', message(wrapped(inner), { contentType: 'application/octet-stream' }), /octet/],
  ['text', message(wrapped(inner), { contentType: 'text/plain' }), /text\/plain/],
  ['version 2.1', message(wrapped(inner, { 'oslo.version': '2.1' })), /"2.1"/],
  ['version 1.0', message(wrapped(inner, { 'oslo.version': '1.0' })), /"1.0"/],
  ['a version that is a number', message(wrapped(inner, { 'oslo.version': 2 })), /is 2,/],
  ['an inner object', message(wrapped(inner, { 'oslo.message': inner })), /is no text/],
  ['an inner text that is no JSON', message(wrapped(inner, { 'oslo.message': '{' })), /not JSON/],
  ['JSON that is text', message('"x"'), /no object/],
  ['JSON that is null', message('null'), /no object/],
  ['no JSON', message('hello'), /not JSON/],
  ['bytes that are gzip', message(gzipSync(wrapped(inner))), /UTF-8|JSON/],
  [
    'gzip that says so',
    message(gzipSync(wrapped(inner)), { headers: { compression: 'application/x-gzip' } }),
    /zlib/,
  ],
  [
    'another compression',
    message(wrapped(inner), { headers: { compression: 'application/x-bz2' } }),
    /x-bz2/,
  ],
  ['no priority', message(wrapped(without('priority'))), /priority is missing/],
  ['an unknown priority', message(wrapped({ ...inner, priority: 'TRACE' })), /"TRACE"/],
  ['a priority that is null', message(wrapped({ ...inner, priority: null })), /is null/],
  ['an empty object', message('{}'), /priority is missing/],
  ['an empty list', message('[]'), /no object/],
  ['an empty body', message(''), /not JSON/],
  ['no event_type', message(wrapped(without('event_type'))), /event_type is missing/],
  ['a timestamp that is none', message(wrapped({ ...inner, timestamp: 'soon' })), /is soon/],
  ['NaN', message('{"priority":"INFO","event_type":"a.b","payload":{"load":NaN}}'), /NaN/],
  [
    'a number beyond 2^53',
    message('{"priority":"INFO","event_type":"a.b","payload":{"n":9007199254740993}}'),
    /9007199254740993/,
  ],
  [
    '2^63',
    message('{"priority":"INFO","event_type":"a.b","payload":9223372036854775808}'),
    /922337/,
  ],
  ['a hidden prototype', message('{"priority":"INFO","__proto__":{"admin":true}}'), /__proto__/],
  [
    'an attribute of ours that is broken',
    message(wrapped({ ...inner, cloudevent: { category: 'Gossip' } })),
    /category/,
  ],
  [
    'nesting without end',
    message(`{"priority":"INFO","payload":${'['.repeat(100)}${']'.repeat(100)}}`),
    /deeper/,
  ],
  [
    'a bomb of zeros',
    message(deflateSync(Buffer.alloc(17 * 1024 * 1024, 0x20)), {
      headers: { compression: 'application/x-gzip' },
    }),
    /too large/,
  ],
];

describe('of the forms that oslo.messaging takes, drops or passes over', () => {
  it.each(delivered)('%s is an event', async (_, given) => {
    expect((await format.decode(given)).category).toBeTypeOf('string');
  });

  it.each(refused)('%s is refused with its reason', async (_, given, reason) => {
    await expect(format.decode(given)).rejects.toMatchObject({
      code: 'EVENT_INVALID',
      message: expect.stringMatching(reason),
    });
  });

  it('nothing else happens, whatever comes', async () => {
    const oddity = fc.oneof(fc.constantFrom(null, 'INFO', '2.0', 7, {}, []), fc.jsonValue());
    const names = ['message_id', 'publisher_id', 'event_type', 'priority', 'payload', 'timestamp', '_context_user_id', 'cloudevent']; // prettier-ignore
    const notification = fc.dictionary(fc.constantFrom(...names), oddity);
    const body = fc.oneof(
      notification.map((each) => wrapped({ ...inner, ...each })),
      notification.map((each) => JSON.stringify(each)),
      fc
        .record({ 'oslo.version': oddity, 'oslo.message': oddity })
        .map((each) => JSON.stringify(each)),
      fc.uint8Array(),
    );
    await fc.assert(
      fc.asyncProperty(body, async (each) => {
        try {
          validateEvent(await format.decode(message(each)));
        } catch (error) {
          expect(error).toBeInstanceOf(RefusedError);
          expect((error as RefusedError).code).toBe('EVENT_INVALID');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('fromOslo makes valid events of all that readEnvelope takes and that have type and time', () => {
    const payload = fc.oneof(
      fc.jsonValue(),
      fc.record({ old_state: fc.jsonValue(), state: fc.jsonValue(), instance_id: fc.jsonValue() }),
    );
    const eventType = fc.constantFrom('compute.instance.update', 'instance.create.error', 'a', 'a.exists', 'x.start', '..', 'a.b.end'); // prettier-ignore
    const priority = fc.constantFrom('info', 'Error', 'SAMPLE', 'critical');
    fc.assert(
      fc.property(payload, eventType, priority, (given, event_type, level) => {
        const text = JSON.stringify({ ...inner, payload: given, event_type, priority: level });
        if (text.includes('__proto__')) return;
        const { contentType, headers, body } = message(text);
        const event = fromOslo(readEnvelope({ contentType, headers, body }));
        expect(validateEvent(event)).toBe(event);
        parseJson(JSON.stringify(event), 'event');
      }),
    );
  });
});
