import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nats } from '../../../src/delivery/nats/index.js';
import { busConformance } from '../../../src/testing/bus-conformance.js';
import { type PrivateNats, startPrivateNats } from '../../support/private-nats.js';
import { openNatsPlace } from './nats-place.js';

let server: PrivateNats;
beforeAll(async () => {
  server = await startPrivateNats();
});
afterAll(() => server.dispose());

describe('the NATS bus conforms', { timeout: 60_000 }, () => {
  const open = () => openNatsPlace(server.port);
  const { capabilities } = nats({ url: 'nats://localhost' });
  it.each(busConformance({ open, capabilities }))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
