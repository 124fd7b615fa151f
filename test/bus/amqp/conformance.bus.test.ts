import { describe, expect, it } from 'vitest';
import { busConformance } from '../../../src/testing/bus-conformance.js';
import { serviceUrl } from '../../support/service-url.js';
import { openRabbitmqPlace } from './rabbitmq-place.js';

describe('the RabbitMQ bus conforms', () => {
  const open = () => openRabbitmqPlace(serviceUrl('rabbitmq'));
  it.each(busConformance({ open, manyPatterns: 500 }))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
