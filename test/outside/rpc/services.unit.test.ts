import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { describeServices } from './service-scenarios.js';

describeServices('the in-process bus', async () => {
  const bus = memoryBus();
  return { connect: () => bus, dispose: () => bus.close() };
});
