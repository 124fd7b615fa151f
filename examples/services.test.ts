import { expect, it } from 'vitest';
import { memoryBus } from 'signalbox';
// #region types
import { Type } from 'typebox';
import { method, ServiceError, ServiceManager } from 'signalbox/rpc';

interface Services {
  volumes: {
    attach(args: { volume: string; server: string }): { device: string };
    describe(args: { volume: string }): { state: string };
  };
}
// #endregion

it('exposes a service, and calls it', async () => {
  const bus = memoryBus();
  const attached = new Map<string, string>();
  // #region expose
  const services = new ServiceManager<Services>({ bus });

  await services.expose(
    'volumes',
    {
      // Executed at most once.
      async attach({ volume, server }, { signal }) {
        if (attached.has(volume)) {
          throw new ServiceError('VOLUME_BUSY', `${volume} is attached.`, {
            parameters: { volume },
          });
        }
        signal.throwIfAborted(); // the caller no longer waits
        attached.set(volume, server);
        return { device: 'vda' };
      },
      // May be executed again by another server; arguments are checked before.
      describe: method({
        args: Type.Object({ volume: Type.String() }),
        idempotent: true,
        handle: ({ volume }) => ({ state: attached.has(volume) ? 'Attached' : 'Ready' }),
      }),
    },
    { concurrency: 32 },
  );
  // #endregion
  const caller = new ServiceManager<Services>({ bus });
  const stop = new AbortController();
  // #region call
  const volumes = caller.client('volumes', { timeout: 5_000 });

  const { device } = await volumes.attach({ volume: 'v1', server: 's1' });
  const { state } = await volumes.describe({ volume: 'v1' }, { signal: stop.signal });
  const refused = await volumes
    .attach({ volume: 'v1', server: 's2' })
    .catch((error: ServiceError) => error.code);
  // #endregion
  expect({ device, state, refused }).toEqual({
    device: 'vda',
    state: 'Attached',
    refused: 'VOLUME_BUSY',
  });
  await caller.close();
  await services.close();
  await bus.close();
});
