import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nats } from '../../../src/delivery/nats/index.js';
import { startPrivateNats, type PrivateNats } from '../../support/private-nats.js';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';
import { endBound, settleAll } from '../end-scenarios.js';

let server: PrivateNats;

beforeAll(async () => {
  server = await startPrivateNats();
});
afterAll(() => server.dispose());

async function settle(
  breakIt: (proxy: TcpProxy) => void,
  mend: (proxy: TcpProxy) => void = (proxy) => proxy.open(),
): Promise<void> {
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port });
  const url = `nats://127.0.0.1:${proxy.port}`;
  const connect = () => nats({ url, stream: uniqueName('end') });
  expect(await settleAll(connect, () => breakIt(proxy))).toEqual([]);
  mend(proxy);
  // Whoever still wanted to connect would have by the time that another has.
  const probe = nats({ url, stream: uniqueName('end') });
  await probe.connect();
  expect(proxy.connections()).toBe(1);
  await probe.close();
  await proxy.close();
}

describe('every end settles, of a server', { timeout: 3 * endBound, concurrent: true }, () => {
  it('whose connection is mute', () => settle((proxy) => proxy.swallow()));
  it('whose connection is lost, and stays so', () =>
    settle((proxy) => {
      proxy.refuse();
      proxy.cut();
    }));
});

it(
  'every end settles, of a server that is frozen',
  () =>
    settle(
      () => server.pause(),
      () => server.resume(),
    ),
  3 * endBound,
);
