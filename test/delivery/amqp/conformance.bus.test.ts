import { describe, expect, it } from 'vitest';
import { rabbitmq } from '../../../src/delivery/amqp/index.js';
import { busConformance } from '../../../src/testing/bus-conformance.js';
import { serviceUrl } from '../../support/service-url.js';
import { openRabbitmqPlace } from './rabbitmq-place.js';

// RabbitMQ takes seconds to bind a queue by 10,000 patterns, and as long to delete it.
const patience = 120_000;

describe('the RabbitMQ bus conforms', { timeout: patience }, () => {
  const open = async () => {
    const place = await openRabbitmqPlace(serviceUrl('rabbitmq'));
    return { ...place, connect: () => place.connect({ connectTimeout: patience }) };
  };
  const { capabilities } = rabbitmq({ url: 'amqp://localhost' });
  it.each(busConformance({ open, capabilities }))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
