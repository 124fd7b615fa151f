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

/** No end waits for what cannot come, and a closed bus connects no more. */
async function unsettled(
  breakIt: (proxy: TcpProxy) => void,
  mend: (proxy: TcpProxy) => void = (proxy) => proxy.open(),
): Promise<readonly string[]> {
  const proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port });
  const url = `nats://127.0.0.1:${proxy.port}`;
  const connect = () => nats({ url, stream: uniqueName('end') });
  const failures = await settleAll(connect, () => breakIt(proxy));
  mend(proxy);
  // Whoever still wanted to connect would have by the time that another has.
  const probe = nats({ url, stream: uniqueName('end') });
  await probe.connect();
  const connections = proxy.connections();
  await probe.close();
  await proxy.close();
  return connections === 1 ? failures : [...failures, 'a closed bus connects'];
}

describe('every end settles, of a server', { timeout: 3 * endBound }, () => {
  it.concurrent('whose connection is mute', async () => {
    expect(await unsettled((proxy) => proxy.swallow())).toEqual([]);
  });

  it.concurrent('whose connection is lost, and stays so', async () => {
    const lose = (proxy: TcpProxy): void => {
      proxy.refuse();
      proxy.cut();
    };
    expect(await unsettled(lose)).toEqual([]);
  });

  it('that is frozen', async () => {
    const [freeze, thaw] = [() => server.pause(), () => server.resume()];
    expect(await unsettled(freeze, thaw)).toEqual([]);
  });
});
