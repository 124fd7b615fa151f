import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../../src/core/errors/errors.js';
import { parseSubject } from '../../../src/core/events/create-event.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { validateEvent } from '../../../src/core/events/validate-event.js';
import { readEnvelope } from '../../../src/delivery/formats/oslo/envelope.js';
import { fromOslo } from '../../../src/delivery/formats/oslo/from-oslo.js';
import { oslo } from '../../../src/delivery/formats/oslo/oslo.js';
import { parseJson } from '../../../src/core/json/parse-json.js';
import fixtures from '../../fixtures/oslo-notifications.json' with { type: 'json' };
import { sampleEvents } from '../../core/events/sample-events.js';
import { delivered, inner, message, refused, without, wrapped } from './oslo-forms.js';
import { randomEvent } from './random-event.js';

const format = oslo();
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
