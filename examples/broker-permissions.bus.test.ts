import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rabbitmq } from 'signalbox/amqp';
import { eventually } from '../test/support/eventually.js';
import { startPrivateRabbitmq } from '../test/support/private-rabbitmq.js';

const commands = readFileSync(new URL('least-privilege/rabbitmq.txt', import.meta.url), 'utf8');

it('the documented permissions are enough to publish and to consume, and a listener cannot publish', async () => {
  const broker = await startPrivateRabbitmq();
  try {
    for (const command of commands.trim().split('\n')) {
      await broker.ctl(...command.split(' '));
    }
    const at = (user: string) => `amqp://${user}@127.0.0.1:${broker.port}/cloud`;
    const publisher = rabbitmq({ url: at('signalbox:a-long-secret') });
    await publisher.connect();
    const listener = rabbitmq({ url: at('listener:another-secret') });
    const seen: string[] = [];
    const handler = ({ id }: { readonly id: string }) => {
      seen.push(id);
      throw new Error('it always fails');
    };
    await listener.subscribe(['#'], handler, { pool: 'listener', retry: { attempts: 1 } });
    await listener.subscribe(['#'], ({ id }) => void seen.push(id));
    const message = {
      key: 'management-server.ActionEvent.VM-START.-.-',
      contentType: 'application/json',
      headers: {},
      body: Buffer.from('{}'),
    };
    await publisher.publish({ ...message, id: '1' });
    await eventually(() => expect(seen).toEqual(['1', '1']));
    await eventually(async () => {
      expect(await listener.deadLetters?.read('listener')).toHaveLength(1);
    });
    await expect(listener.publish({ ...message, id: '2' })).rejects.toMatchObject({
      code: 'PUBLISH_REFUSED',
    });
    await listener.close();
    await publisher.close();
  } finally {
    await broker.dispose();
  }
});
