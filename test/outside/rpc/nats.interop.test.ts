import { afterAll, beforeAll } from 'vitest';
import { openNatsPlace } from '../../delivery/nats/nats-place.js';
import { type PrivateNats, startPrivateNats } from '../../support/private-nats.js';
import { describeEvents } from './event-scenarios.js';
import { describeServices } from './service-scenarios.js';

let server: PrivateNats;
beforeAll(async () => {
  server = await startPrivateNats();
});
afterAll(() => server.dispose());

describeServices('NATS', () => openNatsPlace(server.port));
describeEvents('NATS', () => openNatsPlace(server.port));
