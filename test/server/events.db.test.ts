import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startService, type TestService } from './support/service.js';
import { newEvent } from './support/stores.js';

let test: TestService;
beforeEach(async () => {
  test = await startService();
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
});

async function publish(count: number, given: Parameters<typeof newEvent>[0] = {}) {
  const events = Array.from({ length: count }, () => newEvent(given));
  for (const event of events) await test.publish(event);
  return events;
}

/** Reads a stream until it is told to stop. */
async function openStream(path: string, headers: object = {}) {
  const { response } = await test.call('GET', path, { headers });
  expect(response.headers.get('content-type')).toBe('text/event-stream');
  const reader = response.body!.getReader();
  const messages: { id: number; event: { id: string } }[] = [];
  let text = '';
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += Buffer.from(value).toString();
      const blocks = text.split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, id, data] = /^id: (\d+)\nevent: \w+\ndata: (.*)$/s.exec(block) ?? [];
        if (data !== undefined) {
          messages.push({ id: Number(id), event: JSON.parse(data) as { id: string } });
        }
      }
    }
  })();
  return {
    messages,
    async close() {
      await reader.cancel();
      await reading;
    },
  };
}

const ids = (body: { events: { event: { id: string } }[] }) =>
  body.events.map(({ event }) => event.id);

describe('GET /events', () => {
  it('gives the newest first, or from a cursor or a marker on', async () => {
    const events = (await publish(6)).map(({ id }) => id);
    const get = async (query: string) => ids((await test.call('GET', `/events?${query}`)).body);
    expect(await get('limit=2')).toEqual([events[5], events[4]]);
    expect(await get('limit=2&before=5')).toEqual([events[3], events[2]]);
    expect(await get('limit=2&after=2')).toEqual([events[2], events[3]]);
    expect(await get(`marker=${events[3]}`)).toEqual([events[4], events[5]]);
    expect(await get(`marker=${events[3]}&direction=backward&limit=2`)).toEqual([
      events[2],
      events[1],
    ]);
    expect(await get('unknown=ignored&limit=1')).toEqual([events[5]]);
    expect((await test.call('GET', '/events?marker=nothing')).status).toBe(404);
  });

  it.each(['limit=0', 'limit=x', 'limit=1001', 'after=-1', 'direction=up'])(
    'refuses %s with a problem that names it',
    async (query) => {
      const { status, body, response } = await test.call('GET', `/events?${query}`);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect([status, body.code]).toEqual([400, 'QUERY_INVALID']);
      expect(body.detail).toContain(query.split('=')[0]);
    },
  );
});

describe('the stream', () => {
  it('shows what comes, and what was missed since Last-Event-ID, each once and in order', async () => {
    const stream = await openStream('/events/stream');
    const first = await publish(3);
    await eventually(() => expect(stream.messages).toHaveLength(3));
    expect(stream.messages.map(({ event }) => event.id)).toEqual(first.map(({ id }) => id));
    await stream.close();
    const missed = await publish(700);
    const again = await openStream('/events/stream', {
      'last-event-id': String(stream.messages[2]!.id),
    });
    const live = await publish(3);
    await eventually(() => expect(again.messages).toHaveLength(703));
    expect(again.messages.map(({ event }) => event.id)).toEqual(
      [...missed, ...live].map(({ id }) => id),
    );
    await again.close();
  });

  it('shows only the topics that were asked for', async () => {
    const stream = await openStream('/events/stream?topic=*.*.VM-STOP.*.*,*.AlertEvent.%23');
    await publish(2);
    await publish(1, { type: 'VM.STOP' });
    await publish(1, { category: 'AlertEvent', type: 'ALERT.CPU', data: { subject: 'x' } });
    await eventually(() => expect(stream.messages).toHaveLength(2));
    await stream.close();
    expect((await test.call('GET', '/events/stream?topic=nonsense')).status).toBe(422);
  });

  it('of many readers shows each event to all', async () => {
    const streams = await Promise.all(
      Array.from({ length: 200 }, () => openStream('/events/stream')),
    );
    const [event] = await publish(1);
    await eventually(() => {
      for (const { messages } of streams)
        expect(messages.map((each) => each.event.id)).toEqual([event!.id]);
    });
    await Promise.all(streams.map((stream) => stream.close()));
  });
});

it('tells the state of a resource and its history', async () => {
  const uuid = '018f3f5e-0000-7000-8000-000000000001';
  const given = {
    resource: 'Volume',
    uuid,
    category: 'ResourceStateEvent',
    type: 'CreateRequested',
  };
  const data = { event: 'CreateRequested', old: 'Allocated', lifecycleVersion: 1, changed: true };
  await publish(1, { ...given, revision: 1, data: { ...data, new: 'Creating' } });
  await publish(1, { ...given, revision: 2, data: { ...data, new: 'Ready' } });
  const { body } = await test.call('GET', `/resources/Volume/${uuid}`);
  expect(body).toMatchObject({ resource: 'Volume', uuid, state: 'Ready', revision: 2 });
  const history = await test.call('GET', `/resources/Volume/${uuid}/history`);
  expect(history.body.events).toHaveLength(2);
  expect((await test.call('GET', `/resources/Volume/${uuid.replace('1', '2')}`)).status).toBe(404);
});

describe('a bad request', () => {
  it.each<[string, string, object, number, string]>([
    ['POST', '/endpoints', { body: '{' }, 400, 'BODY_NOT_JSON'],
    ['POST', '/endpoints', { body: {} }, 400, 'BODY_INVALID'],
    ['POST', '/endpoints', { body: { address: 'http://127.0.0.1/' } }, 422, 'ADDRESS_FORBIDDEN'],
    ['POST', '/endpoints', { body: { address: 'http://localhost/' } }, 422, 'ADDRESS_FORBIDDEN'],
    ['POST', '/endpoints', { body: { address: 'gopher://x' } }, 422, 'ENDPOINT_INVALID'],
    [
      'POST',
      '/endpoints',
      { body: { address: 'https://8.8.8.8/', channel: 'fax' } },
      422,
      'ENDPOINT_INVALID',
    ],
    [
      'POST',
      '/endpoints',
      { body: { address: 'https://8.8.8.8/', settings: { topics: ['a.b'] } } },
      422,
      'FILTER_INVALID',
    ],
    [
      'POST',
      '/endpoints',
      { body: { address: 'https://8.8.8.8/', settings: { content: { type: [] } } } },
      422,
      'FILTER_INVALID',
    ],
    [
      'POST',
      '/endpoints',
      { body: { address: 'https://8.8.8.8/', settings: { channel: { headers: { Host: 'x' } } } } },
      422,
      'ENDPOINT_INVALID',
    ],
    ['POST', '/endpoints', { body: { address: 'https://8.8.8.8/', more: 1 } }, 400, 'BODY_INVALID'],
    [
      'POST',
      '/endpoints',
      { body: JSON.stringify({ address: 'x'.repeat(300_000) }) },
      413,
      'BODY_TOO_LARGE',
    ],
    [
      'POST',
      '/endpoints',
      { body: 'address=x', headers: { 'content-type': 'text/plain' } },
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['GET', '/endpoints/nothing', {}, 404, 'ENDPOINT_UNKNOWN'],
    ['GET', '/nothing', {}, 404, 'NOT_FOUND'],
    ['DELETE', '/events', {}, 405, 'METHOD_NOT_ALLOWED'],
  ])(
    '%s %s with %j is refused, and nothing is stored',
    async (method, path, options, status, code) => {
      const { status: got, body } = await test.call(method, path, options);
      expect([got, body.code]).toEqual([status, code]);
      expect(body).toMatchObject({
        type: 'about:blank',
        title: expect.any(String),
        detail: expect.any(String),
      });
      const { body: all } = await test.call('GET', '/endpoints');
      expect(all.endpoints).toEqual([]);
    },
  );
});

it('says whether it lives and is ready, and gives its figures', async () => {
  await publish(1);
  expect((await test.call('GET', '/livez')).status).toBe(200);
  expect((await test.call('GET', '/readyz')).body).toEqual({ status: 'ok' });
  const { response } = await test.call('GET', '/metrics');
  expect(await response.text()).toContain('signalbox_events_taken 1');
  await test.service.stop(0);
  expect((await test.call('GET', '/readyz')).status).toBe(503);
});
