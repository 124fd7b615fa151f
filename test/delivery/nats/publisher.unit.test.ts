import { describe, expect, test } from 'vitest';
import type { NatsConnector } from '../../../src/delivery/nats/connection.js';
import { natsNames } from '../../../src/delivery/nats/names.js';
import type { NatsSettings } from '../../../src/delivery/nats/options.js';
import { NatsPublisher } from '../../../src/delivery/nats/publisher.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { message } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';

type Answer = () => Promise<{ readonly created: string }>;

const made =
  (created: string): Answer =>
  () =>
    Promise.resolve({ created });
const silent: Answer = () => Promise.reject(new Error('timeout'));

/** Publishes two messages that are confirmed under one number, while the server answers so about the stream. */
async function twiceUnderOneNumber(
  answers: readonly Answer[],
  ids: readonly string[] = ['first', 'second'],
) {
  const notices: BusNotice[] = [];
  let asked = 0;
  const jetstream = () => ({
    publish: () => Promise.resolve({ stream: 's', seq: 1, duplicate: false }),
  });
  const streams = { info: () => (answers[asked++] ?? (answers.at(-1) as Answer))() };
  const connector = {
    ready: () => Promise.resolve({ nats: {}, manager: { jetstream, streams } }),
    unlessGone: (work: unknown) => work,
  } as unknown as NatsConnector;
  const publisher = new NatsPublisher({
    connector,
    names: natsNames('s'),
    settings: { publishWindow: 1, publishTimeout: 1_000 } as NatsSettings,
    notify: (notice) => notices.push(notice),
  });
  for (const id of ids) {
    await publisher.publish({ subject: 's.key.a', message: message('a', { id }), once: true });
  }
  return { notices, asked: () => asked, publisher };
}

describe('a number that is given twice', () => {
  const told = { kind: 'sequenceReused', stream: 's', sequence: 1, id: 'second', former: 'first' };

  test('is told', async () => {
    const { notices } = await twiceUnderOneNumber([made('then')]);
    await eventually(() => expect(notices).toEqual([told]));
  });

  test('is told although the server does not answer at that moment, as after the fall of a leader', async () => {
    const { notices } = await twiceUnderOneNumber([made('then'), silent, made('then')]);
    await eventually(() => expect(notices).toEqual([told]));
  });

  test('is told of a message that is handed out under the number of another', async () => {
    const { notices, publisher } = await twiceUnderOneNumber([made('then')]);
    await eventually(() => expect(notices).toEqual([told]));
    publisher.noteDelivered(1, 'second');
    publisher.noteDelivered(2, 'third');
    publisher.noteDelivered(1, 'stale');
    await eventually(() => expect(notices).toHaveLength(2));
    expect(notices[1]).toEqual({ ...told, id: 'stale', former: 'second' });
  });

  test('is none where an id is read otherwise than it was given: with half a character', async () => {
    const { notices, publisher } = await twiceUnderOneNumber(
      [made('then')],
      ['x\uD800', 'x\uD800'],
    );
    publisher.noteDelivered(1, 'x\uFFFD');
    publisher.noteDelivered(1, 'another');
    await eventually(() => expect(notices).toHaveLength(1));
    expect(notices).toMatchObject([{ id: 'another' }]);
  });

  test('is none in a stream made anew', async () => {
    const { notices, asked } = await twiceUnderOneNumber([made('then'), made('anew')]);
    await eventually(() => expect(asked()).toBe(2));
    expect(notices).toEqual([]);
  });

  test('is none where nobody knows which stream the first was in', async () => {
    const { notices, asked } = await twiceUnderOneNumber([silent, made('anew')]);
    await eventually(() => expect(asked()).toBe(2));
    expect(notices).toEqual([]);
  });
});
