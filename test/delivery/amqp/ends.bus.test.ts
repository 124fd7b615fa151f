import { describe, expect, it } from 'vitest';
import { rabbitmq } from '../../../src/delivery/amqp/index.js';
import { messagingDriver } from '../../../src/outside/notifications/messaging-driver.js';
import { serviceUrl } from '../../support/service-url.js';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';
import { endBound, settleAll } from '../end-scenarios.js';
import { removeTopology } from './rabbitmq-place.js';

const notification = {
  message_id: 'id',
  publisher_id: 'p',
  event_type: 'e',
  priority: 'INFO',
  payload: {},
  timestamp: '2026-01-01 00:00:00.000000',
} as const;

/** No end waits for what cannot come, and a closed bus connects no more. */
async function unsettled(breakIt: (proxy: TcpProxy) => void): Promise<readonly string[]> {
  const direct = new URL(serviceUrl('rabbitmq'));
  const proxy = await startTcpProxy({ host: direct.hostname, port: Number(direct.port || 5672) });
  const through = new URL(direct);
  through.hostname = '127.0.0.1';
  through.port = String(proxy.port);
  const url = through.href;
  const exchanges: string[] = [];
  const driver = messagingDriver({ url, exchange: uniqueName('nova'), declare: 'nothing' });
  const connect = () => {
    exchanges.push(uniqueName('end'));
    // No heartbeat tells that the other side is gone.
    return rabbitmq({ url, exchange: exchanges.at(-1) ?? '', heartbeat: 0, connectTimeout: 3_000 });
  };
  let notifierClosed: Promise<void> | undefined;
  const failures = await settleAll(connect, () => {
    breakIt(proxy);
    Promise.resolve(driver.notify(notification, {})).catch(() => undefined);
    notifierClosed = driver.close?.();
  });
  await notifierClosed;
  proxy.open();
  // Whoever still wanted to connect would have by the time that another has.
  const probe = rabbitmq({ url, exchange: exchanges[0] ?? '' });
  await probe.connect();
  const connections = proxy.connections();
  await probe.close();
  await proxy.close();
  for (const each of exchanges) await removeTopology(direct.href, each, ['p', 'd', 's']);
  return connections === 1 ? failures : [...failures, 'a closed bus connects'];
}

describe('every end settles, of a broker', { timeout: 3 * endBound, concurrent: true }, () => {
  it('whose connection is mute', async () => {
    expect(await unsettled((proxy) => proxy.swallow())).toEqual([]);
  });

  it('whose connection is lost, and stays so', async () => {
    const lose = (proxy: TcpProxy): void => {
      proxy.refuse();
      proxy.cut();
    };
    expect(await unsettled(lose)).toEqual([]);
  });
});
