import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { compactDecrypt, CompactEncrypt } from 'jose';
import { describe, expect, it } from 'vitest';
import type { SignalboxEvent } from '../../../../src/core/events/event.js';
import { defineEventTypes } from '../../../../src/core/events/event-types.js';
import { cloudEvents } from '../../../../src/delivery/formats/cloudevents.js';
import {
  encryptedFields,
  type FieldKey,
  redactedFields,
  redactEvent,
} from '../../../../src/delivery/formats/protection/private-fields.js';
import { signedEvents } from '../../../../src/delivery/formats/protection/signed-events.js';

const eventTypes = defineEventTypes(
  { action: ['VM.RESET'] },
  {
    privateFields: {
      '*': ['actor'],
      'VM.RESET': ['data.details.password', 'data.details.keys', 'data.description'],
    },
  },
);

const action = (details: object): SignalboxEvent =>
  ({
    specversion: '1.0',
    id: '01890a5d-ac96-774b-bcce-b302099a8057',
    source: 'management-server',
    type: 'VM.RESET',
    time: '2026-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    dataschema: 'https://signalbox.dev/schemas/ActionEvent/1',
    category: 'ActionEvent',
    actor: 'secret actor',
    data: { status: 'Started', description: 'secret description', details },
  }) as unknown as SignalboxEvent;

const key = (id: string): FieldKey => ({ id, key: randomBytes(32).toString('base64') });
const details = fc.record(
  {
    password: fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(fc.string())),
    keys: fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.string(), { noNullPrototype: true }),
    shown: fc.string(),
  },
  { requiredKeys: [], noNullPrototype: true },
);
const headOf = ({ id, source, category, type }: SignalboxEvent) => ({ id, source, category, type });

describe('private fields', () => {
  it('are left out, and nothing else is, by text and by event', async () => {
    const format = redactedFields(cloudEvents, eventTypes);
    await fc.assert(
      fc.asyncProperty(details, async (given) => {
        const event = action(given);
        const { password: _p, keys: _k, ...shown } = given;
        const { actor: _a, ...rest } = event as unknown as Record<string, unknown>;
        const expected = { ...rest, data: { status: 'Started', details: shown } };
        for (const encoded of [
          format.encode(event),
          format.encodeText(headOf(event), JSON.stringify(event)),
        ]) {
          await expect(format.decode(encoded)).resolves.toEqual(expected);
        }
        expect(redactEvent(event, eventTypes)).toEqual(expected);
        expect(event).toEqual(action(given));
      }),
    );
  });

  it('are read by those who have the key, and by nobody else', async () => {
    const [old, current] = [key('old'), key('current')];
    const writer = encryptedFields(cloudEvents, eventTypes, { keys: [current, old] });
    const reader = encryptedFields(cloudEvents, eventTypes, { keys: [old, current] });
    const stranger = encryptedFields(cloudEvents, eventTypes, { keys: [key('other')] });
    await fc.assert(
      fc.asyncProperty(details, async (given) => {
        const event = action(given);
        const encoded = writer.encodeText(headOf(event), JSON.stringify(event));
        expect(Buffer.from(encoded.body).toString()).not.toMatch(/secret/);
        await expect(reader.decode(encoded)).resolves.toEqual(event);
        const seen = await stranger.decode(encoded);
        expect(seen).not.toEqual(event);
        expect(seen.actor).toMatch(/^ey/);
        await expect(cloudEvents.decode(encoded)).resolves.toEqual(seen);
      }),
    );
  });

  it('are JWEs that others read, and theirs are read by us', async () => {
    const own = key('k');
    const secret = Buffer.from(own.key, 'base64');
    const format = encryptedFields(cloudEvents, eventTypes, { keys: [own] });
    const event = action({ password: 'p' });
    const encoded = JSON.parse(Buffer.from(format.encode(event).body).toString()) as SignalboxEvent;
    const { plaintext, protectedHeader } = await compactDecrypt(String(encoded.actor), secret);
    expect(JSON.parse(Buffer.from(plaintext).toString())).toBe('secret actor');
    expect(protectedHeader).toMatchObject({ alg: 'dir', enc: 'A256GCM', kid: 'k' });
    const theirs = await new CompactEncrypt(Buffer.from('"their actor"'))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: 'k', sub: `${event.id} actor` })
      .encrypt(secret);
    const read = await format.decode(cloudEvents.encode({ ...event, actor: theirs }));
    expect(read.actor).toBe('their actor');
  });

  it('are refused in another place, in another event, or changed', async () => {
    const own = key('k');
    const format = encryptedFields(cloudEvents, eventTypes, { keys: [own] });
    const encoded = JSON.parse(
      Buffer.from(format.encode(action({ password: 'p' })).body).toString(),
    ) as SignalboxEvent & { data: { details: { password: string } } };
    const { password } = encoded.data.details;
    const parts = password.split('.');
    const cut = [
      ...parts.slice(0, 3),
      `A${parts[3]?.slice(1) === '' ? 'A' : parts[3]}`,
      parts[4],
    ].join('.');
    for (const forged of [
      { ...encoded, actor: password },
      { ...encoded, id: '01890a5d-ac96-774b-bcce-b302099a8058' },
      { ...encoded, data: { ...encoded.data, details: { password: cut } } } as SignalboxEvent,
    ]) {
      await expect(format.decode(cloudEvents.encode(forged))).rejects.toMatchObject({
        code: 'EVENT_INVALID',
      });
    }
  });

  it('are signed as they go out', async () => {
    const keys = [{ id: 's', key: `whsec_${randomBytes(32).toString('base64')}` }];
    const fields = encryptedFields(cloudEvents, eventTypes, { keys: [key('k')] });
    const format = signedEvents(fields, { keys });
    const event = action({ password: 'p' });
    await expect(format.decode(format.encode(event))).resolves.toEqual(event);
    const encoded = format.encode(event);
    await expect(signedEvents(cloudEvents, { keys }).decode(encoded)).resolves.toMatchObject({
      id: event.id,
    });
  });

  it.each(['id', 'data', 'data.old', 'data.status', 'type', '__proto__', 'data.details..x', ''])(
    'cannot be what every event must have: %s',
    (path) => {
      expect(() => defineEventTypes({}, { privateFields: { 'VM.START': [path] } })).toThrow(
        expect.objectContaining({ code: 'CONFIG_VALUE_INVALID' }),
      );
    },
  );
});
