import { generateKeyPairSync, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { subscribeEvents } from '../../../../src/delivery/bus/event-subscription.js';
import type { SignalboxEvent } from '../../../../src/core/events/event.js';
import { cloudEventsBinary } from '../../../../src/delivery/formats/cloudevents-binary.js';
import { cloudEvents } from '../../../../src/delivery/formats/cloudevents.js';
import { cloudStack } from '../../../../src/delivery/formats/cloudstack/cloudstack.js';
import {
  signedEvents,
  type SignedEventsOptions,
} from '../../../../src/delivery/formats/protection/signed-events.js';
import type { SigningKey } from '../../../../src/delivery/formats/protection/signing-keys.js';
import { memoryBus } from '../../../../src/delivery/memory/memory-bus.js';
import { sampleEvents } from '../../../core/events/sample-events.js';
import { eventually } from '../../../support/eventually.js';

const hmac = (id: string): SigningKey => ({
  id,
  key: `whsec_${randomBytes(32).toString('base64')}`,
});

function ed25519(id: string): { readonly secret: SigningKey; readonly open: SigningKey } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  const point = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return {
    secret: { id, key: `whsk_${Buffer.concat([seed, point]).toString('base64')}` },
    open: { id, key: `whpk_${point.toString('base64')}` },
  };
}

const signing = (keys: readonly SigningKey[], options: Omit<SignedEventsOptions, 'keys'> = {}) =>
  signedEvents(cloudEvents, { keys, ...options });

const event = fc.constantFrom(...sampleEvents);
const sample = sampleEvents[0] as SignalboxEvent;

afterEach(() => void vi.useRealTimers());

describe('an event that is signed', () => {
  const pair = ed25519('pair');
  const shared = hmac('shared');
  it.each([
    ['by HMAC-SHA256', [shared], [shared]],
    ['by ed25519', [pair.secret], [pair.open]],
    ['by the new key while the old one is known', [hmac('new'), shared], undefined],
  ])('%s is read as it was, whatever it is', async (_, signers, verifiers = signers) => {
    await fc.assert(
      fc.asyncProperty(event, async (each) => {
        const encoded = signing(signers).encode(each);
        await expect(signing(verifiers).decode(encoded)).resolves.toEqual(each);
      }),
    );
  });

  it('is verified by others’ implementation of Standard Webhooks, and theirs by us', () => {
    fc.assert(
      fc.property(event, (each) => {
        const webhook = new Webhook(shared.key);
        const { headers, body } = signing([shared]).encode(each);
        const text = Buffer.from(body).toString();
        expect(webhook.verify(text, headers as Record<string, string>)).toEqual(each);
      }),
    );
  });

  it('is read where somebody else signed it', async () => {
    const encoded = cloudEvents.encode(sample);
    const now = new Date();
    const signature = new Webhook(shared.key).sign(
      sample.id,
      now,
      Buffer.from(encoded.body).toString(),
    );
    const headers = {
      'Webhook-Id': sample.id,
      'Webhook-Timestamp': String(Math.floor(now.getTime() / 1000)),
      'Webhook-Signature': `v1,bm9uZQ== ${signature}`,
    };
    await expect(signing([hmac('other'), shared]).decode({ ...encoded, headers })).resolves.toEqual(
      sample,
    );
  });
});

describe('an event is refused', () => {
  const key = hmac('k');
  const format = signing([key]);
  const refusal = { code: 'SIGNATURE_REFUSED' };

  it('when anything that was signed is changed by a bit, whatever it is', async () => {
    for (const own of [key, ed25519('e').secret]) {
      const signed = signing([own]);
      const encoded = signed.encode(sample);
      await fc.assert(
        fc.asyncProperty(
          fc.nat(encoded.body.length - 1),
          fc.integer({ min: 1, max: 255 }),
          async (at, mask) => {
            const body = Buffer.from(encoded.body);
            body[at] = (body[at] as number) ^ mask;
            await expect(signed.decode({ ...encoded, body })).rejects.toMatchObject(refusal);
          },
        ),
      );
      const others = signed.encode(sampleEvents[1] as SignalboxEvent).headers;
      for (const name of Object.keys(encoded.headers)) {
        for (const value of [
          others[name],
          '',
          'x',
          'v1,',
          'v1a,',
          'v1,é',
          '9'.repeat(12),
          '-1',
          '1e9',
        ]) {
          if (value === encoded.headers[name] || value === undefined) continue;
          if (name === 'signalbox-key-id' && value === '') continue;
          const headers = { ...encoded.headers, [name]: value };
          await expect(signed.decode({ ...encoded, headers })).rejects.toMatchObject(refusal);
        }
        if (name === 'signalbox-key-id') continue;
        const { [name]: _gone, ...headers } = encoded.headers;
        await expect(signed.decode({ ...encoded, headers })).rejects.toMatchObject(refusal);
      }
    }
  });

  it('when its key is not known, or it is not signed at all, unless that is accepted', async () => {
    const encoded = cloudEvents.encode(sample);
    await expect(format.decode(encoded)).rejects.toThrow('not signed');
    await expect(signing([key], { unsigned: 'accept' }).decode(encoded)).resolves.toEqual(sample);
    const foreign = signing([hmac('their')]).encode(sample);
    for (const lenient of [format, signing([key], { unsigned: 'accept' })]) {
      await expect(lenient.decode(foreign)).rejects.toThrow("its key 'their' is not known here");
    }
    const sameName = signing([hmac('k')]).encode(sample);
    await expect(format.decode(sameName)).rejects.toMatchObject(refusal);
  });

  it('when it was signed too long ago, or in the future', async () => {
    const encoded = format.encode(sample);
    const now = Date.now();
    vi.useFakeTimers({ toFake: ['Date'] });
    const minute = 60_000;
    const week = 7 * 24 * 60 * minute;
    for (const [later, fits] of [
      [week - minute, true],
      [week + minute, false],
      [-4 * minute, true],
      [-6 * minute, false],
    ] as const) {
      vi.setSystemTime(now + later);
      const decoded = format.decode(encoded);
      if (fits) await expect(decoded).resolves.toEqual(sample);
      else await expect(decoded).rejects.toMatchObject(refusal);
    }
    vi.setSystemTime(now + 100 * week);
    await expect(signing([key], { maxAge: Infinity }).decode(encoded)).resolves.toEqual(sample);
  });

  it('as a dead letter with its reason, and redriven it is what it was', async () => {
    await using bus = memoryBus();
    const received: string[] = [];
    await subscribeEvents(bus, format, '#', ({ id }) => void received.push(id), { pool: 'p' });
    await bus.publish(cloudEvents.encode(sample));
    await bus.publish(format.encode(sampleEvents[1] as SignalboxEvent));
    await eventually(() => expect(received).toEqual([sampleEvents[1]?.id]));
    const [letter] = (await bus.deadLetters?.read('p')) ?? [];
    expect(letter).toMatchObject({ reason: 'The message is refused: it is not signed.' });
  });
});

describe('keys and formats that cannot be', () => {
  it.each([
    [[]],
    [[{ id: 'k', key: 'whsec_A' }]],
    [[{ id: 'k', key: `whsec_${Buffer.alloc(23).toString('base64')}` }]],
    [[{ id: 'k', key: `whpk_${Buffer.alloc(31).toString('base64')}` }]],
    [[{ id: 'k', key: 'secret-in-clear' }]],
    [[{ id: 'a b', key: hmac('k').key }]],
    [[hmac('k'), hmac('k')]],
  ])('are refused by a message that holds no key: %j', (keys: readonly SigningKey[]) => {
    try {
      signing(keys);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG_VALUE_INVALID' });
      for (const { key } of keys) expect(String((error as Error).message)).not.toContain(key);
    }
  });

  it('a format whose events are not all in the body, and keys that only verify', () => {
    for (const format of [cloudEventsBinary('amqp'), cloudStack]) {
      expect(() => signedEvents(format, { keys: [hmac('k')] })).toThrow('outside of the body');
    }
    expect(() => signing([ed25519('e').open]).encode(sample)).toThrow('only verify');
  });
});
