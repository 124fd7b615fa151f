import { cloudEvents } from '../../src/formats/cloudevents.js';
import type { Format } from '../../src/formats/format.js';

/** What a user's module exports. */
export const acme: Format = { ...cloudEvents, name: 'acme' };
