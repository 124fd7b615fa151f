import { describe, expect, it, vi } from 'vitest';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import * as module from '../../src/context/open-telemetry.js';
import { activeTraceparent } from '../../src/context/trace.js';
import { RelayMetrics } from '../../src/delivery/relay/relay-metrics.js';
import { ServiceManager } from '../../src/outside/rpc/service-manager.js';

vi.mock(import('../../src/context/open-telemetry.js'), async (original) => ({
  ...(await original()),
  openTelemetry: () => undefined,
}));

const missing = (code: string) => () => {
  throw Object.assign(new Error('no'), { code });
};

describe('where the OpenTelemetry API is not installed', () => {
  it('it is found to be absent, and one that cannot be loaded is not taken for that', () => {
    expect(module.installed(missing('MODULE_NOT_FOUND'))).toBeUndefined();
    expect(() => module.installed(missing('ERR_DLOPEN_FAILED'))).toThrow('no');
  });

  it('events carry no trace', () => {
    expect(activeTraceparent()).toBeUndefined();
  });

  it('a relay counts for itself', () => {
    const metrics = new RelayMetrics(1000);
    metrics.count('published', 'memory');
    metrics.measured({ pending: 1, parked: 0, held: 0, oldestAge: 0, buses: [] });
    expect(metrics.counts.published).toBe(1);
    metrics.close();
  });

  it('a call is executed and answered', async () => {
    const bus = memoryBus();
    const services = new ServiceManager<{ volumes: { count(): number } }>({ bus });
    await services.expose('volumes', { count: () => 2 });
    expect(await services.client('volumes').count()).toBe(2);
    await services.close();
    await bus.close();
  });
});
