import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createEvent,
  parseSubject,
  type EventInput,
} from '../../../src/core/events/create-event.js';
import type { Category } from '../../../src/core/events/category.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { bindingPatterns } from '../../../src/core/events/filter.js';
import { cloudStack } from '../../../src/delivery/formats/cloudstack/cloudstack.js';
import type { ReceivedEvent } from '../../../src/delivery/formats/format.js';
import { routingKeyOf } from '../../../src/core/events/routing-key.js';
import type { JsonObject } from '../../../src/core/json/json.js';
import { TopicTrie } from '../../../src/delivery/topic/topic-trie.js';
import fixtures from '../../fixtures/cloudstack-messages.json' with { type: 'json' };
import { sampleEvents } from '../../core/events/sample-events.js';
import { randomEvent } from './random-event.js';

const receivedAt = '2026-01-01T00:00:00.000Z';

function received(key: string, body: string | object): ReceivedEvent {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { key, headers: {}, contentType: 'text/plain', body: Buffer.from(text), receivedAt };
}

/** What is left of an event once CloudStack's format has carried it: the table of `docs/formats.md`. */
function carried(event: SignalboxEvent): SignalboxEvent {
  const { id, source, category, type, account, actor, project } = event;
  const seconds = new Date(Math.floor(Date.parse(event.time) / 1000) * 1000).toISOString();
  const kept = {
    id,
    source,
    category,
    type,
    ...parseSubject(event.subject),
    time: category === 'AsyncJobEvent' ? receivedAt : seconds,
    ...(category === 'ActionEvent' ? { account, actor, project } : {}),
    ...(category === 'UsageEvent' ? { account } : {}),
    ...(category === 'AsyncJobEvent' ? { account, actor } : {}),
    data: carriedData(event),
  };
  return createEvent(kept as EventInput<Category>);
}

function carriedData({ category, type, data }: SignalboxEvent): JsonObject {
  switch (category) {
    case 'ResourceStateEvent':
      return { event: data.event, old: data.old, new: data.new, lifecycleVersion: 1, changed: data.old !== data.new }; // prettier-ignore
    case 'ActionEvent': {
      const { status, description } = data;
      return {
        status,
        ...(description === undefined || description === type ? {} : { description }),
      };
    }
    case 'UsageEvent':
      return withText(data.details, 'zone');
    case 'AlertEvent': {
      const { subject, body, details } = data;
      return { subject, ...(body ? { body } : {}), ...withText(details, 'dataCenterId', 'podId') };
    }
    case 'AsyncJobEvent': {
      const { jobId, command, status, progress, result, error } = data;
      return {
        jobId,
        command,
        status,
        ...(progress ? { progress: Math.round(progress) } : {}),
        ...(status === 'FAILED'
          ? { error: { name: 'JobFailed', message: error?.message ?? '' } }
          : result === undefined || Object.keys(result).length === 0
            ? {}
            : { result }),
      };
    }
  }
}

function withText(details: JsonObject | undefined, ...names: readonly string[]): JsonObject {
  const told = names.filter((name) => typeof details?.[name] === 'string' && details[name] !== '');
  if (told.length === 0) return {};
  return { details: Object.fromEntries(told.map((name) => [name, details?.[name]])) as JsonObject };
}

describe('the cloudstack format', () => {
  it('carries of every event what its table says', async () => {
    await fc.assert(
      fc.asyncProperty(randomEvent, async (event) => {
        const encoded = cloudStack.encode(event);
        expect(await cloudStack.decode({ ...encoded, receivedAt })).toEqual(carried(event));
      }),
      { examples: sampleEvents.map((event) => [event]) },
    );
  });

  it('loses nothing by a second journey', async () => {
    await fc.assert(
      fc.asyncProperty(randomEvent, async (event) => {
        const once = await cloudStack.decode({ ...cloudStack.encode(event), receivedAt });
        const twice = await cloudStack.decode({ ...cloudStack.encode(once), receivedAt });
        expect(twice).toEqual(once);
      }),
    );
  });

  it('makes the same message of an event and of its text', () => {
    fc.assert(
      fc.property(randomEvent, (event) => {
        const head = { ...event, ...parseSubject(event.subject) };
        const text = JSON.stringify(event);
        expect(cloudStack.encodeText(head, text)).toEqual(cloudStack.encode(event));
      }),
    );
  });

  it('is found by a binding for every pattern that its routing key matches', () => {
    const asked = fc.tuple(
      randomEvent,
      fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      fc.constantFrom('none', 'start', 'end'),
    );
    fc.assert(
      fc.property(asked, ([event, kept, hash]) => {
        const words = routingKeyOf(event).split('.');
        const masked = words.map((word, index) => (kept[index] === true ? word : '*'));
        const pattern = { none: masked, start: ['#', ...masked.slice(2)], end: [...masked.slice(0, 3), '#'] }[hash].join('.'); // prettier-ignore
        const trie = new TopicTrie<true>();
        for (const each of cloudStack.bindings?.(bindingPatterns(pattern)) ?? [])
          trie.add(each, true);
        expect(trie.match(cloudStack.encode(event).key).size).toBe(1);
      }),
    );
  });

  describe.each(fixtures.messages)('$name', ({ key, body, event }) => {
    const message = received(key, body);

    it('is read', async () => {
      const read = await cloudStack.decode(message);
      expect(read).toMatchObject(event);
      expect(read.data).toEqual(event.data);
      expect(read.subject).toBe('subject' in event ? event.subject : undefined);
    });

    it('has the same id however often it comes, and another than any other', async () => {
      const { id } = await cloudStack.decode(message);
      expect((await cloudStack.decode({ ...message, receivedAt: '2030-01-01T00:00:00Z' })).id).toBe(
        id,
      );
      expect((await cloudStack.decode(received(key, `${body} `))).id).not.toBe(id);
    });

    it('is told apart by its shape where there is no routing key, as on Kafka', async () => {
      const read = await cloudStack.decode(received(event.subject?.split('/')[1] ?? '', body));
      expect(read.category).toBe(event.category);
      const named = event.category !== 'ResourceStateEvent';
      expect(read.type).toBe(named ? event.type : 'Unknown');
    });
  });

  it.each(fixtures.messages.filter(({ ours }) => ours))(
    'writes to the letter, for those who know its every byte: $name',
    async ({ key, body }) => {
      const encoded = cloudStack.encode(await cloudStack.decode(received(key, body)));
      expect(Buffer.from(encoded.body).toString()).toBe(body);
      expect([encoded.key, encoded.contentType, encoded.headers]).toEqual([key, 'text/plain', {}]);
    },
  );

  const key = fixtures.messages[3]?.key ?? '';
  it.each([
    ['no JSON', key, '{', /not JSON/],
    ['a list', key, '[]', /no object/],
    ['no shape that is known', '', '{"a":1}', /shape of none/],
    ['another category', key.replace('ActionEvent', 'Gossip'), '{}', /names no category/],
    ['no time', key, '{"event":"VM.START","eventDateTime":"yesterday"}', /yesterday/],
    ['a day that is none', key, '{"eventDateTime":"2025-13-45 00:00:00 +0000"}', /2025-13-45/],
    [
      'a job without id',
      key.replace('ActionEvent.VM-START', 'AsyncJobEvent.submit'),
      '{}',
      /jobId/,
    ],
    ['a hidden prototype', key, '{"__proto__":{"event":"VM.START"}}', /__proto__/],
    ['a number that would be rounded', key, '{"a":9007199254740993}', /9007199254740993/],
  ])('refuses %s', async (_, routingKey, body, reason) => {
    await expect(cloudStack.decode(received(routingKey, body))).rejects.toMatchObject({
      code: 'EVENT_INVALID',
      message: expect.stringMatching(reason),
    });
  });

  it('refuses to write a time that no calendar has, rather than to try for ever', () => {
    const event = { ...(sampleEvents[0] as SignalboxEvent), time: '2025-13-45T00:00:00Z' };
    expect(() => cloudStack.encode(event)).toThrow(/calendar/);
  });

  it('writes no parameter of a job, whatever it holds', () => {
    const job = sampleEvents.find(({ category }) => category === 'AsyncJobEvent');
    const body = Buffer.from(cloudStack.encode(job as SignalboxEvent).body).toString();
    expect(JSON.parse(body)).toMatchObject({ cmdInfo: {}, processStatus: '40' });
  });
});
