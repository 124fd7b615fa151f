import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { prepareKey } from '../../src/delivery/formats/protection/signing-keys.js';
import { eventually } from '../support/eventually.js';
import { startReceiver, type Received, type Receiver } from './support/receiver.js';
import { startService, type TestService } from './support/service.js';
import { newEvent } from './support/stores.js';

let receiver: Receiver;
let test: TestService;

beforeEach(async () => {
  receiver = await startReceiver();
  test = await startService('sqlite', {
    guard: { allow: [receiver.entry] },
    transforms: { short: ({ type }) => ({ contentType: 'text/plain', body: `it was ${type}` }) },
  });
});

afterEach(async () => {
  await test[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const headersOf = ({ headers }: Received) => headers as Record<string, string>;

async function create(more: object = {}) {
  const { status, body } = await test.call('POST', '/endpoints', {
    body: { address: receiver.url, ...more },
  });
  expect(body).toMatchObject({ status: 'active' });
  expect(status).toBe(201);
  return body;
}

async function delivered(count: number): Promise<Received> {
  await eventually(() => expect(receiver.received).toHaveLength(count));
  return receiver.received[count - 1]!;
}

it('signs deliveries so that the library of Standard Webhooks verifies them, by the old key too while it lasts', async () => {
  const { id, secret } = await create();
  const event = newEvent();
  await test.publish(event);
  const first = await delivered(1);
  expect(new Webhook(secret).verify(first.body, headersOf(first))).toMatchObject({ id: event.id });
  expect(first.headers['webhook-id']).toBe(event.id);
  const { body: rotated } = await test.call('POST', `/endpoints/${id}/rotate`, {
    body: { grace: 60 },
  });
  expect(rotated.secret).not.toBe(secret);
  await test.publish(newEvent());
  const second = await delivered(2);
  for (const key of [secret, rotated.secret])
    new Webhook(key).verify(second.body, headersOf(second));
  await test.call('POST', `/endpoints/${id}/rotate`, { body: { grace: 0 } });
  await test.publish(newEvent());
  const third = await delivered(3);
  for (const key of [secret, rotated.secret]) {
    expect(() => new Webhook(key).verify(third.body, headersOf(third))).toThrow(
      'No matching signature',
    );
  }
});

it('signs by ed25519 on request, with the public key for the receiver', async () => {
  const { secret } = await create({ signing: 'ed25519' });
  expect(secret).toMatch(/^whpk_/);
  await test.publish(newEvent());
  const { headers, body } = await delivered(1);
  const content = Buffer.from(
    [headers['webhook-id'], headers['webhook-timestamp'], body].join('.'),
  );
  const key = prepareKey({ id: 'k', key: secret });
  expect(key.verify(content, String(headers['webhook-signature']))).toBe(true);
});

it('keeps the id and changes the time and the number at each try', async () => {
  await create({ settings: { retry: { delays: [0] } } });
  receiver.answer = (_, response) => {
    response.writeHead(receiver.received.length === 1 ? 503 : 200).end();
  };
  await test.publish(newEvent());
  await delivered(2);
  const [one, two] = receiver.received;
  expect(two!.headers['webhook-id']).toBe(one!.headers['webhook-id']);
  expect(receiver.received.map(({ headers }) => headers['signalbox-attempt'])).toEqual(['1', '2']);
});

it('sends CloudStack’s headers, body and signature to those who have receivers for them', async () => {
  const { secret } = await create({ settings: { channel: { format: 'cloudstack' } } });
  const event = newEvent({ type: 'VM.START', data: { status: 'Completed' } });
  await test.publish(event);
  const { headers, body } = await delivered(1);
  expect(headers).toMatchObject({ 'x-cs-event-id': event.id, 'x-cs-event': 'VM.START' });
  const signature = createHmac('sha256', secret).update(body).digest('base64');
  expect(headers['x-cs-signature']).toBe(signature);
});

it('makes bodies by a template or by a function of the host program, with headers of the endpoint', async () => {
  await create({
    settings: {
      channel: {
        template: {
          text: '{{type}} on {{account}}',
          status: '{{data.status}}',
          none: '{{nothing}}',
        },
        headers: { 'X-Api-Key': 'abc' },
      },
    },
  });
  await create({ settings: { topics: ['#', '*.*.*.*.*'], channel: { transform: 'short' } } });
  await test.publish(newEvent({ account: 'acme' }));
  await delivered(2);
  expect(receiver.received.map(({ body }) => body).toSorted()).toEqual(
    ['it was VM.START', '{"text":"VM.START on acme","status":"Completed","none":null}'].toSorted(),
  );
  expect(receiver.received.some(({ headers }) => headers['x-api-key'] === 'abc')).toBe(true);
});

it('gives no event before the receiver has shown that it wants them', async () => {
  receiver.confirm = (_, response) => {
    response.end('something else');
  };
  const { status, body } = await test.call('POST', '/endpoints', {
    body: { address: receiver.url },
  });
  expect(status).toBe(201);
  expect(body).toMatchObject({ status: 'pending', reason: expect.stringContaining('challenge') });
  await test.publish(newEvent());
  receiver.confirm = ({ body: text }, response) => {
    response.end(JSON.stringify({ challenge: JSON.parse(text).challenge }));
  };
  const confirmed = await test.call('POST', `/endpoints/${body.id}/confirm`);
  expect(confirmed.body).toMatchObject({ status: 'active' });
  const missed = newEvent();
  await test.publish(missed);
  // What came while it was pending comes too, since it was made before.
  await delivered(2);
});

it('asks by the handshake of CloudEvents on request, and says who sends at each delivery', async () => {
  receiver.confirm = ({ headers }, response) => {
    response
      .writeHead(204, { 'webhook-allowed-origin': String(headers['webhook-request-origin']) })
      .end();
  };
  await create({ settings: { channel: { ownership: 'options' } } });
  await test.publish(newEvent());
  const { headers } = await delivered(1);
  expect(headers['webhook-request-origin']).toBe('signalbox');
});

it('does not follow redirects, and does not try again what can never succeed', async () => {
  receiver.answer = (_, response) => {
    response.writeHead(302, { location: receiver.url }).end();
  };
  const { id } = await create();
  await test.publish(newEvent());
  await eventually(async () => {
    const { body } = await test.call('GET', `/endpoints/${id}/deliveries`);
    expect(body.deliveries).toMatchObject([{ status: 'dead', outcome: '3xx', attempts: 1 }]);
  });
  expect(receiver.received).toHaveLength(1);
});

it('survives receivers that hang, close, trickle and answer without end', async () => {
  const answers = [
    () => undefined,
    (response: ServerResponse) => response.destroy(),
    (response: ServerResponse) => {
      response.writeHead(500);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) continue;
      };
      response.on('drain', more);
      response.on('error', () => undefined);
      more();
    },
    (response: ServerResponse) => void response.writeHead(200).write('a'),
  ];
  receiver.answer = (_, response) => answers[Math.min(receiver.received.length, 4) - 1]?.(response);
  const { id } = await create({ settings: { timeout: 200, retry: { delays: [0, 0, 0, 0, 0] } } });
  await test.publish(newEvent());
  await eventually(async () => {
    const { body } = await test.call('GET', `/endpoints/${id}/deliveries`);
    expect(body.deliveries).toMatchObject([{ status: 'delivered' }]);
    const { body: one } = await test.call('GET', `/deliveries/${body.deliveries[0].id}`);
    const outcomes = one.attempted.map(({ outcome }: { outcome: string }) => outcome);
    // A status is an answer, whatever becomes of its body.
    expect(outcomes).toEqual(['timeout', 'connect', '5xx', '2xx']);
  });
});

it('tests, replays and explains', async () => {
  const { id } = await create({
    settings: { content: { data: { status: ['Completed'] }, type: [{ prefix: 'VM.' }] } },
  });
  expect((await test.call('POST', `/endpoints/${id}/test`)).body).toMatchObject({
    result: 'delivered',
    status: 204,
  });
  expect(receiver.received[0]!.headers['signalbox-test']).toBe('true');
  const [yes, no] = [newEvent(), newEvent({ type: 'VOLUME.CREATE' })];
  await test.publish(yes);
  await test.publish(no);
  await delivered(2);
  const { body: why } = await test.call('GET', `/endpoints/${id}/explain/${no.id}`);
  expect(why).toMatchObject({
    matches: false,
    visible: true,
    content: [
      { path: 'data.status', matches: true },
      { path: 'type', matches: false, found: '"VOLUME.CREATE"' },
    ],
  });
  const { status, body } = await test.call('POST', `/endpoints/${id}/replay`, {
    body: { from: 1 },
  });
  expect([status, body.deliveries]).toEqual([202, 1]);
  expect((await delivered(3)).headers['signalbox-replay']).toBe(body.replay);
});

it('announces on the bus that an endpoint has ended', async () => {
  receiver.answer = (_, response) => void response.writeHead(410).end();
  const { id } = await create();
  await test.publish(newEvent());
  await eventually(async () => {
    const rows: { type: string; payload: string }[] = await test.dataSource.query(
      "SELECT type, payload FROM signalbox_journal WHERE category = 'AlertEvent'",
    );
    expect(rows.map(({ type }) => type)).toEqual(['ALERT.ENDPOINT.DISABLED']);
    expect(rows[0]!.payload).toContain(id);
  });
});
