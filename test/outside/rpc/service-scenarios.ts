import { Type } from 'typebox';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { ambientContext, withContext } from '../../../src/context/ambient.js';
import {
  ConflictError,
  DefinitionError,
  RefusedError,
  UnavailableError,
} from '../../../src/core/errors/errors.js';
import { method, type Call } from '../../../src/outside/rpc/method.js';
import type { RpcNotice } from '../../../src/outside/rpc/notice.js';
import {
  MethodFailedError,
  ServiceError,
  type ServiceErrorFields,
} from '../../../src/outside/rpc/service-error.js';
import {
  ServiceManager,
  type ServiceManagerOptions,
} from '../../../src/outside/rpc/service-manager.js';
import { eventually } from '../../support/eventually.js';

/** Where services are tried: buses that see each other, as of several processes. */
export interface ServicePlace {
  connect(): Bus;
  dispose(): Promise<void>;
}

interface VolumesApi {
  attach(args: { volume: string; server?: string }): { device: string };
  list(): readonly string[];
  echo(args: unknown): unknown;
  wait(args: { until?: string }): string;
  fail(args: { how: string }): void;
}

interface Services {
  volumes: VolumesApi;
  nobody: { knock(): void };
}

class VolumeBusyError extends ServiceError {
  constructor(code: string, message: string, fields?: ServiceErrorFields) {
    super(code, message, fields);
  }
}

/** A deferred promise: what a method under way waits for. */
function latch() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

const faults: Readonly<Record<string, () => Error>> = {
  refused: () => RefusedError.of('EVENT_NOT_LAWFUL', 'Volume v1 is attached.', { uuid: 'v1' }),
  conflict: () =>
    new ConflictError('REVISION_CONFLICT', 'Volume v1 moved.', { parameters: { revision: 7 } }),
  unavailable: () => new UnavailableError('DATABASE_UNAVAILABLE', 'at pg://u:secret@db'),
  definition: () =>
    new DefinitionError('Lifecycle Volume', [
      { code: 'FAULT_NAME', message: 'The name is empty.', parameters: {} },
    ]),
  busy: () => new VolumeBusyError('VOLUME_BUSY', 'Busy.', { parameters: { by: ['copy', 'scan'] } }),
  own: () => new ServiceError('QUOTA', 'No more volumes.', { cause: new Error('secret cause') }),
  untyped: () => Object.assign(new TypeError('secret'), { code: 'SECRET' }),
};

/** What holds of services on every bus. */
export function describeServices(on: string, openPlace: () => Promise<ServicePlace>): void {
  async function open() {
    const place = await openPlace();
    onTestFinished(() => place.dispose());
    const notices: RpcNotice[] = [];
    const managers: ServiceManager<Services>[] = [];
    onTestFinished(async () => {
      await Promise.all(managers.map((manager) => manager.close()));
    });
    const manager = (options: Partial<ServiceManagerOptions> = {}) => {
      const made = new ServiceManager<Services>({
        bus: place.connect(),
        timeout: 20_000,
        on: (notice) => notices.push(notice),
        errors: { VOLUME_BUSY: VolumeBusyError },
        ...options,
      });
      managers.push(made);
      return made;
    };
    return { place, notices, manager, caller: manager(), server: manager() };
  }

  const stubs = {
    attach: () => ({ device: 'vda' }),
    list: () => [],
    echo: (args: unknown) => args,
    wait: () => '',
    fail: () => {},
  };

  describe(`services on ${on}`, () => {
    it('answer calls with what their methods return, or throw', async () => {
      const { caller, server, notices } = await open();
      await server.expose('volumes', {
        ...stubs,
        list: async () => ['v1', 'v2'],
        fail: ({ how }) => {
          throw faults[how]?.() ?? new Error(how);
        },
      });
      const volumes = caller.client('volumes');
      expect(await volumes.attach({ volume: 'v1' })).toEqual({ device: 'vda' });
      expect(await caller.call('volumes', 'list')).toEqual(['v1', 'v2']);
      expect(await volumes.fail({ how: 'not' }).catch((error: unknown) => error)).toBeInstanceOf(
        MethodFailedError,
      );
      for (const value of [null, 0, '', false, [], {}, { a: [1, { b: 'ü€😀' }] }]) {
        expect(await volumes.echo(value)).toEqual(value);
      }
      expect(await volumes.echo(undefined)).toBeUndefined();

      const thrown = async (how: string) =>
        volumes.fail({ how }).then(
          () => undefined,
          (error: unknown) => error as Error,
        );
      for (const how of ['refused', 'conflict', 'definition', 'busy', 'own']) {
        const sent = faults[how]?.() as Error;
        const received = await thrown(how);
        expect(received?.constructor, how).toBe(sent.constructor);
        expect(received, how).toMatchObject(Object.assign({}, sent));
        expect(received?.message, how).toBe(sent.message);
        expect(received?.cause, how).toBeUndefined();
      }
      expect(await thrown('unavailable')).toMatchObject({ message: 'at pg://u:***@db' });

      notices.length = 0;
      const failed = await thrown('untyped');
      expect(failed).toBeInstanceOf(MethodFailedError);
      expect(failed).toMatchObject({ code: 'METHOD_FAILED', parameters: { method: 'fail' } });
      expect(JSON.stringify(failed) + failed?.message).not.toContain('secret');
      const { request } = (failed as MethodFailedError).parameters;
      expect(notices).toMatchObject([
        { kind: 'failed', method: 'fail', request, error: { message: 'secret' } },
      ]);
    });

    it('refuse unknown methods, wrong arguments and what is no JSON, executing nothing', async () => {
      const { place, server } = await open();
      let executed = 0;
      await server.expose('volumes', {
        ...stubs,
        attach: method({
          args: Type.Object({ volume: Type.String() }),
          handle: () => {
            executed += 1;
            return { device: 'vda' };
          },
        }),
      });
      const untyped = new ServiceManager({ bus: place.connect() });
      onTestFinished(() => untyped.close());
      const codeOf = (method: string, args: unknown) =>
        untyped.call('volumes', method, args).then(
          () => 'none',
          (error: RefusedError) => error.code,
        );
      expect(await codeOf('attatch', { volume: 'v1' })).toBe('UNKNOWN_METHOD');
      expect(await codeOf('constructor', {})).toBe('UNKNOWN_METHOD');
      expect(await codeOf('__proto__', {})).toBe('UNKNOWN_METHOD');
      expect(await codeOf('attach', { volume: 1 })).toBe('ARGUMENTS_INVALID');
      expect(await codeOf('attach', undefined)).toBe('ARGUMENTS_INVALID');
      expect(await codeOf('attach', { volume: Number.NaN })).toBe('PAYLOAD_NOT_JSON');
      expect(await codeOf('attach', { volume: 'x'.repeat(9 * 1024 * 1024) })).toBe(
        'PAYLOAD_TOO_LARGE',
      );
      expect(executed).toBe(0);
    });

    it('tell at once when nobody is there', async () => {
      const { place, caller, server } = await open();
      if (!place.connect().capabilities.reportsUnroutable) {
        // A log does not know who reads it: then the timeout tells.
        const call = caller.client('nobody').knock(undefined, { timeout: 500 });
        await expect(call).rejects.toMatchObject({ code: 'CALL_TIMEOUT' });
        return;
      }
      await expect(caller.client('nobody').knock()).rejects.toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        parameters: { service: 'nobody', method: 'knock' },
      });
      // Neither when its queue is still there, which keeps requests.
      const exposed = await server.expose('volumes', stubs);
      await exposed.close();
      await eventually(async () => {
        await expect(caller.client('volumes').list()).rejects.toMatchObject({
          code: 'SERVICE_UNAVAILABLE',
        });
      });
    });

    it('carry large arguments and results, and refuse results that are too large', async () => {
      const { caller, server } = await open();
      await server.expose('volumes', {
        ...stubs,
        echo: (args) => (typeof args === 'number' ? 'y'.repeat(args) : args),
      });
      const volumes = caller.client('volumes');
      const large = 'ä'.repeat(2_000_000);
      expect(await volumes.echo(large)).toBe(large);
      await expect(volumes.echo(9 * 1024 * 1024)).rejects.toMatchObject({
        code: 'PAYLOAD_TOO_LARGE',
      });
      expect(await volumes.echo('still there')).toBe('still there');
    });

    it('stop a method whose caller aborts or has waited long enough', async () => {
      const { caller, server } = await open();
      const begun: Call[] = [];
      await server.expose('volumes', {
        ...stubs,
        wait: async (_args, call) => {
          begun.push(call);
          await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
          throw call.signal.reason;
        },
      });
      const stop = new AbortController();
      const aborted = caller.client('volumes').wait({}, { signal: stop.signal });
      await eventually(() => expect(begun).toHaveLength(1));
      stop.abort(new Error('changed my mind'));
      await expect(aborted).rejects.toThrow('changed my mind');
      await eventually(() => expect(begun[0]?.signal.aborted).toBe(true));

      const late = caller.client('volumes').wait({}, { timeout: 2_000 });
      await eventually(() => expect(begun).toHaveLength(2), { every: 5 });
      await expect(late).rejects.toMatchObject({
        name: 'OutcomeUnknownError',
        retryable: false,
        parameters: { timeout: 2_000, retrySafe: false },
      });
      await eventually(() => expect(begun[1]?.signal.aborted).toBe(true));
      await expect(
        caller.client('volumes').wait({}, { signal: AbortSignal.abort(new Error('before')) }),
      ).rejects.toThrow('before');
      expect(begun).toHaveLength(2);
    });

    it('never execute late what waited in the queue past its deadline', async () => {
      const { caller, server, notices } = await open();
      const gate = latch();
      const executed: string[] = [];
      await server.expose(
        'volumes',
        {
          ...stubs,
          wait: async () => {
            executed.push('first');
            await gate.opened;
            return 'done';
          },
          attach: ({ volume }) => {
            executed.push(volume);
            return { device: 'vda' };
          },
          // Idempotent methods are begun without asking: the deadline alone keeps them from it.
          list: {
            idempotent: true,
            handle: () => {
              executed.push('list');
              return [];
            },
          },
        },
        { concurrency: 1 },
      );
      const volumes = caller.client('volumes');
      const first = volumes.wait({});
      await eventually(() => expect(executed).toEqual(['first']));
      const late = await Promise.allSettled([
        volumes.attach({ volume: 'late' }, { timeout: 1_000 }),
        volumes.list(undefined, { timeout: 1_000 }),
      ]);
      expect(late).toMatchObject([
        { reason: { code: 'CALL_TIMEOUT', parameters: { retrySafe: true } } },
        { reason: { code: 'CALL_TIMEOUT', parameters: { retrySafe: true } } },
      ]);
      gate.open();
      expect(await first).toBe('done');
      expect(await volumes.attach({ volume: 'in time' })).toEqual({ device: 'vda' });
      expect(executed).toEqual(['first', 'in time']);
      expect(notices.filter(({ kind }) => kind === 'expired' || kind === 'cancelled')).toHaveLength(
        2,
      );
    });

    it('share the requests among their servers', async () => {
      const { caller, server, manager } = await open();
      const servers = [server, manager(), manager()];
      const served = servers.map(() => 0);
      const gate = latch();
      for (const [index, each] of servers.entries()) {
        await each.expose(
          'volumes',
          {
            ...stubs,
            wait: async () => {
              served[index] = (served[index] ?? 0) + 1;
              await gate.opened;
              return String(index);
            },
          },
          { concurrency: 4 },
        );
      }
      const calls = Array.from({ length: 12 }, () => caller.client('volumes').wait({}));
      // All twelve run at once only if each server takes its four.
      await eventually(() => expect(served).toEqual([4, 4, 4]));
      gate.open();
      expect((await Promise.all(calls)).toSorted()).toEqual(
        ['0', '1', '2'].flatMap((index) => Array.from({ length: 4 }, () => index)),
      );
    });

    it('finish what is under way when they close, and leave the rest to others', async () => {
      const { caller, server, manager } = await open();
      const gate = latch();
      let begun = 0;
      const exposed = await server.expose(
        'volumes',
        {
          ...stubs,
          wait: async () => {
            begun += 1;
            await gate.opened;
            return 'first server';
          },
        },
        { concurrency: 1 },
      );
      const volumes = caller.client('volumes');
      const first = volumes.wait({});
      await eventually(() => expect(begun).toBe(1));
      const second = volumes.wait({});
      const closing = exposed.close();
      await manager().expose('volumes', { ...stubs, wait: () => 'second server' });
      expect(await second).toBe('second server');
      gate.open();
      await closing;
      expect(await first).toBe('first server');
    });

    it('carry who calls and why into the method', async () => {
      const { caller, server } = await open();
      const seen: unknown[] = [];
      await server.expose('volumes', {
        ...stubs,
        list: () => {
          seen.push(ambientContext());
          return [];
        },
      });
      const context = { actor: 'admin', correlationId: 'request-1', causationId: 'event-1' };
      await withContext(context, () => caller.client('volumes').list());
      await caller.client('volumes').list();
      expect(seen).toEqual([context, {}]);
    });

    it('reject calls under way when the caller closes, and new ones', async () => {
      const { caller, server } = await open();
      const begun: Call[] = [];
      await server.expose('volumes', {
        ...stubs,
        wait: async (_args, call) => {
          begun.push(call);
          await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
          return '';
        },
      });
      const waiting = caller.client('volumes').wait({});
      const ended = waiting.catch((error: unknown) => error);
      await eventually(() => expect(begun).toHaveLength(1));
      await caller.close();
      expect(await ended).toMatchObject({ code: 'CLOSED' });
      await eventually(() => expect(begun[0]?.signal.aborted).toBe(true));
      await expect(caller.client('volumes').list()).rejects.toMatchObject({ code: 'CLOSED' });
      await expect(caller.expose('nobody', { knock: () => {} })).rejects.toMatchObject({
        code: 'CLOSED',
      });
    });
  });
}
