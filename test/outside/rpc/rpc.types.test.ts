import { Type } from 'typebox';
import { describe, expectTypeOf, it } from 'vitest';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { EventManager } from '../../../src/outside/rpc/event-manager.js';
import { method } from '../../../src/outside/rpc/method.js';
import { ServiceManager } from '../../../src/outside/rpc/service-manager.js';

interface Topics {
  'host.started': { host: string };
  'host.stopped': { host: string; reason: string };
  'log.web.error': { line: string };
  [topic: `metric.${string}`]: number;
}

interface Services {
  volumes: {
    attach(args: { volume: string }): { device: string };
    size(args?: { unit: 'GiB' | 'MiB' }): Promise<number>;
    list(): readonly string[];
  };
}

// Checked by the compiler: what must not compile is marked, and a mark without an error is an error.
describe('the types of events over a bus', () => {
  const events = new EventManager<Topics>({ bus: memoryBus() });

  it('tell a subscriber the payload of every topic that its pattern can match', () => {
    const calls = async () => {
      await events.subscribe('host.started', (payload) =>
        expectTypeOf(payload).toEqualTypeOf<{ host: string }>(),
      );
      await events.subscribe('host.*', (payload) =>
        expectTypeOf(payload).toEqualTypeOf<{ host: string } | { host: string; reason: string }>(),
      );
      await events.subscribe('#.error', (payload) =>
        expectTypeOf(payload).toEqualTypeOf<{ line: string } | number>(),
      );
      await events.subscribe('metric.cpu', (payload) =>
        expectTypeOf(payload).toEqualTypeOf<number>(),
      );
      await events.emit('metric.memory', 1);
    };
    expectTypeOf(calls).toBeFunction();
  });

  it('refuse unknown topics, patterns that match none, and wrong payloads', () => {
    const calls = async () => {
      // @ts-expect-error no such topic
      await events.emit('host.begun', { host: 'a' });
      // @ts-expect-error wrong payload
      await events.emit('host.started', { host: 1 });
      // @ts-expect-error wrong payload
      await events.emitLocal('host.stopped', { host: 'a' });
      // @ts-expect-error no topic has three words that begin with host
      await events.subscribe('host.*.*', () => {});
      // @ts-expect-error a handler of another payload
      await events.subscribe('host.started', (payload: { port: number }) => payload);
    };
    expectTypeOf(calls).toBeFunction();
  });
});

describe('the types of services', () => {
  const services = new ServiceManager<Services>({ bus: memoryBus() });

  it('tell what a method takes and gives', () => {
    const calls = async () => {
      const volumes = services.client('volumes');
      expectTypeOf(await volumes.attach({ volume: 'v' })).toEqualTypeOf<{ device: string }>();
      expectTypeOf(await volumes.size()).toEqualTypeOf<number>();
      expectTypeOf(await volumes.list(undefined, { timeout: 1 })).toEqualTypeOf<
        readonly string[]
      >();
      expectTypeOf(await services.call('volumes', 'size', { unit: 'GiB' })).toEqualTypeOf<number>();
    };
    expectTypeOf(calls).toBeFunction();
  });

  it('refuse unknown services and methods, and wrong arguments', () => {
    const calls = async () => {
      // @ts-expect-error no such service
      services.client('volume');
      // @ts-expect-error no such method
      await services.client('volumes').attatch({ volume: 'v' });
      // @ts-expect-error arguments are missing
      await services.client('volumes').attach();
      // @ts-expect-error wrong arguments
      await services.call('volumes', 'attach', { volume: 1 });
      // @ts-expect-error it takes none
      await services.call('volumes', 'list', { all: true });
    };
    expectTypeOf(calls).toBeFunction();
  });

  it('refuse a server that lacks a method, has one too many, or gives something else', () => {
    const attach = ({ volume }: { volume: string }) => ({ device: volume });
    const size = () => 1;
    const list = () => [];
    const calls = async () => {
      await services.expose('volumes', { attach, size, list });
      await services.expose('volumes', {
        attach: method({ args: Type.Object({ volume: Type.String() }), handle: attach }),
        size: { idempotent: true, handle: size },
        list: async (_args, { signal }) => (signal.aborted ? [] : ['v']),
      });
      // @ts-expect-error a method is missing
      await services.expose('volumes', { attach, size });
      // @ts-expect-error there is no such method
      await services.expose('volumes', { attach, size, list, detach: attach });
      // @ts-expect-error it gives something else
      await services.expose('volumes', { attach: () => ({ device: 1 }), size, list });
      await services.expose('volumes', {
        // @ts-expect-error its schema wants other arguments than the service takes
        attach: method({
          args: Type.Object({ id: Type.Number() }),
          handle: () => ({ device: 'vda' }),
        }),
        size,
        list,
      });
    };
    expectTypeOf(calls).toBeFunction();
  });
});
