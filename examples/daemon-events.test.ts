import { expect, it } from 'vitest';
import { memoryBus } from 'signalbox';
// #region events
import { EventManager } from 'signalbox/rpc';

type Topics = {
  'host.started': { host: string };
  'log.web.error': { line: string };
  [topic: `metric.${string}`]: number;
};

// #endregion
it('carries events between daemons', async () => {
  const bus = memoryBus();
  const log: string[] = [];
  // #region events
  const events = new EventManager<Topics>({ bus, emitter: 'web-1' });

  await events.subscribe('host.started', ({ host }) => log.push(host)); // typed by its topic
  await events.subscribe('*.*.error', ({ line }, { emitter }) => log.push(`${emitter}: ${line}`));
  await events.subscribe('metric.#', archive, { pool: 'archive' }); // one member handles each

  const { routed } = await events.emit('host.started', { host: 'node-1' }); // the broker has it
  const failures = await events.emitLocal('log.web.error', { line: 'oops' }); // handlers are done
  // #endregion
  expect({ routed, failures }).toEqual({ routed: true, failures: [] });
  await events.emit('metric.cpu', 0.5);
  await expect.poll(() => log.toSorted()).toEqual(['0.5', 'node-1', 'web-1: oops']);
  await events.close();
  await bus.close();

  async function archive(value: number): Promise<void> {
    log.push(String(value));
  }
});
