import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Bus, BusMessage } from '../../src/delivery/bus/bus.js';
import { DeadLetterError } from '../../src/delivery/bus/dead-letter-error.js';
import { message, Recorder } from '../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../support/eventually.js';

export interface PutAside {
  /** The bus under test, with a stream or topic of its own. */
  readonly bus: Bus;
  /** Sends the messages as other programs would; resolves when the broker has them all. */
  readonly send: () => Promise<void>;
  /** How many messages it sends. */
  readonly count: number;
  /** How many of them cannot be redriven, because the broker refuses them. Default 0. */
  readonly refused?: number;
}

/**
 * The law: whatever a broker delivers can be put aside. Each message that was sent is dead-lettered as its
 * handler saw it, or with a reason that names what is missing; a message behind them all is handled; what
 * is redriven comes back as it was; what is refused then is passed over and reported; and all can be dropped.
 * Resolves with how many were dead-lettered.
 */
export async function putAsideAndBack({
  bus,
  send,
  count,
  refused = 0,
}: PutAside): Promise<number> {
  const { deadLetters } = bus;
  if (deadLetters === undefined) return expect.unreachable();
  const recorder = new Recorder();
  const seen: BusMessage[] = [];
  const back: BusMessage[] = [];
  let handling: 'refuse' | 'take' = 'refuse';
  await bus.subscribe(
    ['#'],
    (delivery) => {
      if (delivery.id === 'healthy') return recorder.handler(delivery);
      if (handling === 'take') return void back.push(delivery);
      seen.push(delivery);
      throw new DeadLetterError('no');
    },
    { pool: 'p', concurrency: 8 },
  );
  await send();
  await bus.publish(message('a', { id: 'healthy' }));
  await recorder.atLeast(1);
  const limit = count + 10;
  const letters = await eventually(async () => {
    const read = await deadLetters.read('p', { limit });
    expect(read).toHaveLength(count);
    return read;
  });
  const whole = letters.filter(({ reason }) => reason === 'no');
  const lessened = letters.filter(({ reason }) => reason !== 'no');
  const seenForms = new Set(seen.map(formOf));
  expect(
    whole.map((letter) => formOf(letter.message)).filter((form) => !seenForms.has(form)),
  ).toEqual([]);
  // Of a message with less, the reason names what is missing, and the body is as it came.
  expect(lessened.map(({ reason }) => reason)).toSatisfy((reasons: readonly string[]) =>
    reasons.every((reason) => /headers|too large/.test(reason)),
  );

  handling = 'take';
  const passedOver: BusMessage[] = [];
  const redriven = await deadLetters.redrive(
    'p',
    { limit },
    { onRefused: ({ message: each }) => void passedOver.push(each) },
  );
  expect(passedOver).toHaveLength(refused);
  expect(redriven).toBe(count - refused);
  await eventually(() => expect(back).toHaveLength(count - refused));
  expect(back.map(formOf).toSorted()).toEqual(
    letters
      .map((letter) => formOf(letter.message))
      .filter((form) => !passedOver.map(formOf).includes(form))
      .toSorted(),
  );
  expect(await deadLetters.drop('p', { limit })).toBe(refused);
  expect(await deadLetters.read('p', { limit })).toEqual([]);
  return letters.length;
}

/** All that a handler sees of a message, in few words. */
function formOf({ key, id, contentType, headers, partitionKey, body }: BusMessage): string {
  const digest = createHash('sha256').update(body).digest('hex').slice(0, 16);
  const told = JSON.stringify([
    key,
    id,
    contentType,
    partitionKey ?? null,
    Object.entries(headers),
  ]);
  return `${told.slice(0, 300)} ${createHash('sha256').update(told).digest('hex')} ${digest}`;
}
