import { expect, it, onTestFinished } from 'vitest';
import { ServiceManager } from '../../../src/outside/rpc/service-manager.js';
import { openRabbitmqPlace } from '../../delivery/amqp/rabbitmq-place.js';
import { eventually } from '../../support/eventually.js';
import { serviceUrl } from '../../support/service-url.js';
import { describeServices } from './service-scenarios.js';

describeServices('RabbitMQ', () => openRabbitmqPlace(serviceUrl('rabbitmq')));

it('an answer finds its caller after the connections of both broke over it', async () => {
  const place = await openRabbitmqPlace(serviceUrl('rabbitmq'));
  const reconnected: string[] = [];
  const connect = (name: string) =>
    place.connect({
      on: ({ kind }) => {
        if (kind === 'resubscribed') reconnected.push(name);
      },
    });
  interface Services {
    volumes: { attach(args: { volume: string }): string };
  }
  const server = new ServiceManager<Services>({ bus: connect('server') });
  const caller = new ServiceManager<Services>({ bus: connect('caller') });
  onTestFinished(async () => {
    await Promise.all([server.close(), caller.close()]);
    await place.dispose();
  });
  let executed = 0;
  let answer: ((device: string) => void) | undefined;
  await server.expose('volumes', {
    attach: () => {
      executed += 1;
      return new Promise<string>((resolve) => {
        answer = resolve;
      });
    },
  });
  const call = caller.client('volumes').attach({ volume: 'v1' }, { timeout: 60_000 });
  await eventually(() => expect(executed).toBe(1));
  await place.interrupt();
  // The request comes to the server again, which is still at it and does not begin anew.
  await eventually(() => expect(reconnected.filter((name) => name === 'server')).toHaveLength(3), {
    deadline: 30_000,
  });
  answer?.('attached');
  expect(await call).toBe('attached');
  expect(executed).toBe(1);
});
