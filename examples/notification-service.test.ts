// A notification service inside of a program, and a receiver of its webhooks.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Hono } from 'hono';
import { Webhook } from 'standardwebhooks';
import { DataSource } from 'typeorm';
import { createSignalbox, defineEventTypes, migrate, migrations } from 'signalbox';
import { notificationService } from 'signalbox/server';
import { expect, test } from 'vitest';
import { eventually } from '../test/support/eventually.js';

test('a program with a notification service tells a receiver of what it commits', async () => {
  let secret = '';
  const handled: string[] = [];
  // #region receiver
  const receiver = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      const message = JSON.parse(body) as { type: string; challenge?: string; id: string };
      if (message.type === 'endpoint.verification') {
        response.end(message.challenge);
        return;
      }
      try {
        new Webhook(secret).verify(body, request.headers as Record<string, string>);
        handled.push(message.type);
        response.writeHead(204).end();
      } catch {
        response.writeHead(401).end();
      }
    });
  });
  // #endregion
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  const { port } = receiver.address() as AddressInfo;
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    migrations: [...migrations],
  }).initialize();
  await migrate(dataSource);
  // #region library
  const service = await notificationService({
    dataSource,
    anonymous: 'administrator',
    guard: { allow: [`127.0.0.1:${port}`] },
  });
  await service.start();
  const app = new Hono().route('/notifications', service.app);
  // #endregion
  const answer = await app.request('/notifications/endpoints', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ address: `http://127.0.0.1:${port}/` }),
  });
  ({ secret } = (await answer.json()) as { secret: string });
  const signalbox = await createSignalbox({
    source: 'example',
    eventTypes: defineEventTypes({ alert: ['ALERT.HEAT'] }),
    dataSource,
    resources: [],
    bus: service.intake,
  });
  await signalbox.raiseAlert('ALERT.HEAT', 'It is hot');
  await eventually(() => expect(handled).toEqual(['ALERT.HEAT']));
  await signalbox.close();
  await service.stop();
  await dataSource.destroy();
  receiver.close();
});
