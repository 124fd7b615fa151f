import { deflateSync, gzipSync } from 'node:zlib';
import type { ReceivedEvent } from '../../../src/delivery/formats/format.js';
import fixtures from '../../fixtures/oslo-notifications.json' with { type: 'json' };

const receivedAt = '2026-01-01T00:00:00.000Z';
/** The first notification of the fixtures. */
export const inner = fixtures.notifications[0]?.inner as Record<string, unknown>;

/** A message as it reaches a format. */
export function message(
  body: string | Uint8Array,
  change: Partial<ReceivedEvent> = {},
): ReceivedEvent {
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

/** In the envelope of messagingv2. */
export function wrapped(value: unknown, envelope: Record<string, unknown> = {}): string {
  return JSON.stringify({
    'oslo.version': '2.0',
    'oslo.message': JSON.stringify(value),
    ...envelope,
  });
}

/** The first notification of the fixtures without a field. */
export function without(name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(inner).filter(([key]) => key !== name));
}

/** Forms that oslo.messaging's own listener delivers: none may be lost to us. */
export const delivered: readonly [string, ReceivedEvent][] = [
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
export const refused: readonly [string, ReceivedEvent, RegExp][] = [
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
    /inflates to more/,
  ],
  [
    'a small body that inflates to much',
    message(deflateSync(wrapped({ ...inner, payload: { bulk: 'x'.repeat(1024 * 1024) } })), {
      headers: { compression: 'application/x-gzip' },
    }),
    /100 times its size/,
  ],
];

/** Those of the refused ones that their listener takes all the same (measured), and ours keeps aside. */
export const takenByOslo: ReadonlySet<string> = new Set([
  'a small body that inflates to much',
  'another compression',
  'no event_type',
  'a timestamp that is none',
  'NaN',
  'a number beyond 2^53',
  '2^63',
  'a hidden prototype',
  'an attribute of ours that is broken',
  'nesting without end',
]);
