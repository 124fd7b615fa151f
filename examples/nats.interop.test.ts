import { readFileSync } from 'node:fs';
import { DeadLetterError } from 'signalbox';
import { nats } from 'signalbox/nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../test/support/eventually.js';
import { type PrivateNats, startPrivateNats } from '../test/support/private-nats.js';

let server: PrivateNats;
beforeAll(async () => {
  server = await startPrivateNats();
});
afterAll(() => server.dispose());

it('publishes and consumes over NATS JetStream', async () => {
  const url = server.url;
  const seen: string[] = [];
  const body = Buffer.from('{}');
  const contentType = 'application/json';
  // #region nats
  await using bus = nats({ url, stream: 'cloud', replicas: 1 });

  await bus.subscribe(
    ['*.*.*.VirtualMachine.*'],
    ({ key }) => {
      seen.push(key);
    },
    { pool: 'cmdb', concurrency: 16 },
  );

  const key = 'management-server.ActionEvent.VM-START.VirtualMachine.9d827485';
  await bus.publish({ key, id: '1', contentType, headers: {}, body }); // stored when it resolves
  // #endregion
  await eventually(() => expect(seen).toEqual([key]));
});

it('the documented permissions are enough, and a consumer cannot publish', async () => {
  const config = readFileSync(new URL('least-privilege/nats.conf', import.meta.url), 'utf8');
  const secured = await startPrivateNats([config]);
  const as = (user: string, password: string) =>
    nats({ url: `nats://${user}:${password}@127.0.0.1:${secured.port}`, publishTimeout: 5_000 });
  try {
    await using admin = as('admin', 'an-administrators-secret');
    await admin.connect();
    await using publisher = as('publisher', 'a-long-secret');
    await using consumer = as('consumer', 'another-secret');
    const seen: string[] = [];
    await consumer.subscribe(['#'], ({ id }) => void seen.push(id), { pool: 'cmdb' });
    await consumer.subscribe(
      ['#'],
      () => {
        throw new DeadLetterError('no');
      },
      { pool: 'picky' },
    );
    const message = { key: 'a', id: '1', contentType: '', headers: {}, body: Buffer.from('') };
    await publisher.connect();
    await publisher.publish(message);
    await eventually(() => expect(seen).toEqual(['1']));
    await eventually(async () =>
      expect(await consumer.deadLetters?.read('picky')).toMatchObject([{ reason: 'no' }]),
    );
    await expect(consumer.publish({ ...message, id: '2' })).rejects.toMatchObject({
      name: 'UnavailableError',
    });
    await expect(publisher.subscribe(['#'], () => {})).rejects.toMatchObject({
      name: expect.stringMatching(/Error$/),
    });
  } finally {
    await secured.dispose();
  }
});
