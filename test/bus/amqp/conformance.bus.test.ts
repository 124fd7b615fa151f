import { describe, it } from 'vitest';
import { busConformance } from '../../../src/testing/bus-conformance.js';
import { serviceUrl } from '../../support/service-url.js';
import { openRabbitmqPlace } from './rabbitmq-place.js';

describe('the RabbitMQ bus conforms', () => {
  const open = () => openRabbitmqPlace(serviceUrl('rabbitmq'));
  for (const { name, run } of busConformance({ open, manyPatterns: 500 })) it(name, run);
});
