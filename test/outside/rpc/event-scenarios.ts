import { describe, expect, it, onTestFinished } from 'vitest';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { DeadLetterError } from '../../../src/delivery/bus/dead-letter-error.js';
import { ambientContext, withContext } from '../../../src/context/ambient.js';
import { EventManager, type EventManagerOptions } from '../../../src/outside/rpc/event-manager.js';
import { eventually } from '../../support/eventually.js';
import type { ServicePlace } from './service-scenarios.js';

interface Topics {
  'host.started': { host: string };
  'host.stopped': { host: string };
  'log.web.error': string;
  'log.db.error': string;
  'log.db.info': string;
  anything: unknown;
}

/** A bus whose subscriptions are counted. */
function counted(bus: Bus) {
  const counts = { made: 0, live: 0 };
  const counting: Bus = Object.create(bus, {
    subscribe: {
      value: async (...args: Parameters<Bus['subscribe']>) => {
        counts.made += 1;
        counts.live += 1;
        const subscription = await bus.subscribe(...args);
        return {
          ...subscription,
          unsubscribe: async () => {
            await subscription.unsubscribe();
            counts.live -= 1;
          },
        };
      },
    },
    publish: { value: bus.publish.bind(bus) },
  }) as Bus;
  return { counts, counting };
}

/** What holds of events on every bus. */
export function describeEvents(on: string, openPlace: () => Promise<ServicePlace>): void {
  async function open() {
    const place = await openPlace();
    onTestFinished(() => place.dispose());
    const errors: Error[] = [];
    const manager = (options: Partial<EventManagerOptions> = {}) => {
      const made = new EventManager<Topics>({
        bus: place.connect(),
        onError: (error) => errors.push(error),
        ...options,
      });
      onTestFinished(() => made.close());
      return made;
    };
    /** Of an event that nobody takes; a log keeps it, and does not know who reads it. */
    const routed = !place.connect().capabilities.reportsUnroutable;
    return { place, manager, errors, routed };
  }

  describe(`events on ${on}`, () => {
    it('reach every subscriber whose pattern matches, with who emitted them', async () => {
      const { manager, routed } = await open();
      const [here, there] = [manager({ emitter: 'web-1' }), manager()];
      const seen: string[] = [];
      await there.subscribe('host.started', ({ host }, { topic, emitter, local }) =>
        seen.push(`${host} ${topic} ${String(emitter)} ${String(local)}`),
      );
      await there.subscribe('log.*.error', (line) => seen.push(`* ${line}`));
      await here.subscribe('log.#', (line) => seen.push(`# ${line}`));
      expect(await here.emit('host.started', { host: 'n1' })).toEqual({ routed: true });
      expect(await here.emit('host.stopped', { host: 'n1' })).toEqual({ routed });
      await here.emit('log.db.error', 'e');
      await here.emit('log.db.info', 'i');
      await eventually(() =>
        expect(seen.toSorted()).toEqual(['# e', '# i', '* e', 'n1 host.started web-1 false']),
      );
    });

    it('share one subscription of the bus among the subscribers of a topic', async () => {
      const { place, manager, routed } = await open();
      const { counts, counting } = counted(place.connect());
      const events = manager({ bus: counting });
      const seen: string[] = [];
      const all = await Promise.all(
        ['a', 'b', 'c'].map((name) =>
          events.subscribe('host.started', ({ host }) => seen.push(`${name} ${host}`)),
        ),
      );
      expect(counts).toEqual({ made: 1, live: 1 });
      await all[0]?.unsubscribe();
      await all[0]?.unsubscribe();
      await events.emit('host.started', { host: 'n1' });
      await eventually(() => expect(seen).toEqual(['b n1', 'c n1']));
      await all[1]?.unsubscribe();
      expect(counts.live).toBe(1);
      const stop = new AbortController();
      await events.subscribe('host.started', ({ host }) => seen.push(`d ${host}`), {
        signal: stop.signal,
      });
      await all[2]?.unsubscribe();
      expect(counts).toEqual({ made: 1, live: 1 });
      stop.abort();
      await eventually(() => expect(counts.live).toBe(0));
      expect(await events.emit('host.started', { host: 'n2' })).toEqual({ routed });
      await events.subscribe('host.started', ({ host }) => seen.push(`e ${host}`));
      await events.emit('host.started', { host: 'n3' });
      await eventually(() => expect(seen).toEqual(['b n1', 'c n1', 'e n3']));
    });

    it('are told within the process too, and that awaits the handlers', async () => {
      const { manager, errors } = await open();
      const [here, there] = [manager(), manager()];
      const seen: string[] = [];
      await there.subscribe('#', () => seen.push('there'));
      await here.subscribe('host.*', async ({ host }, { local }) => {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(`${host} ${String(local)}`);
      });
      await here.subscribe('host.started', () => {
        throw new Error('one handler fails');
      });
      const failures = await here.emitLocal('host.started', { host: 'n1' });
      expect(seen).toEqual(['n1 true']);
      expect(failures).toMatchObject([{ message: 'one handler fails' }]);
      expect(errors).toEqual(failures);
    });

    it('carry any plain JSON, and refuse what is none', async () => {
      const { manager } = await open();
      const events = manager();
      const seen: unknown[] = [];
      await events.subscribe('anything', (payload) => seen.push(payload));
      const values = [null, 0, -1.5, '', 'ü€😀', true, [], {}, { a: [{ b: null }] }];
      for (const value of values) await events.emit('anything', value);
      await eventually(() => expect(seen).toHaveLength(values.length));
      expect(new Set(seen.map((value) => JSON.stringify(value)))).toEqual(
        new Set(values.map((value) => JSON.stringify(value))),
      );
      for (const value of [undefined, Number.NaN, 1n, new Date(), { at: new Map() }]) {
        await expect(events.emit('anything', value)).rejects.toMatchObject({
          code: 'PAYLOAD_NOT_JSON',
        });
        await expect(events.emitLocal('anything', value)).rejects.toMatchObject({
          code: 'PAYLOAD_NOT_JSON',
        });
      }
      await expect(events.emit('anything', 'x'.repeat(300_000))).rejects.toMatchObject({
        code: 'PAYLOAD_TOO_LARGE',
      });
      await expect(events.emit('' as 'anything', 1)).rejects.toMatchObject({
        code: 'CONFIG_VALUE_INVALID',
      });
    });

    it('stop for no handler that fails, and report it', async () => {
      const { manager, errors } = await open();
      const events = manager();
      const seen: string[] = [];
      await events.subscribe('host.started', () => {
        throw new Error('fails');
      });
      await events.subscribe('host.started', ({ host }) => seen.push(host));
      await events.emit('host.started', { host: 'n1' });
      await events.emit('host.started', { host: 'n2' });
      await eventually(() => {
        expect(seen.toSorted()).toEqual(['n1', 'n2']);
        expect(errors).toHaveLength(2);
      });
    });

    it('go to one member of a pool, in the order of their key', async () => {
      const { manager } = await open();
      const seen: string[][] = [[], []];
      for (const each of seen) {
        await manager().subscribe('log.*.info', (line) => each.push(line), { pool: 'archive' });
      }
      const events = manager();
      const emitted = Array.from({ length: 40 }, (_, index) => String(index));
      for (const line of emitted) {
        await events.emit('log.db.info', line, { partitionKey: 'db' });
      }
      // One member is active, and handles them one after another.
      await eventually(() => {
        expect(seen).toContainEqual(emitted);
        expect(seen).toContainEqual([]);
      });
    });

    it('are handled again in a pool by those who failed, and by them alone', async () => {
      const { place, manager, errors } = await open();
      const bus = place.connect();
      const events = manager({ bus, retry: { attempts: 3, delay: 1 } });
      const seen: string[] = [];
      await events.subscribe('host.started', ({ host }) => seen.push(`ok ${host}`), { pool: 'p' });
      await events.subscribe(
        'host.started',
        ({ host }, { attempt }) => {
          seen.push(`try ${attempt} ${host}`);
          if (host === 'poison') throw new DeadLetterError('no such host');
          if (host === 'never' || attempt === 1) throw new Error('not yet');
        },
        { pool: 'p' },
      );
      await events.emit('host.started', { host: 'later' });
      await eventually(() => expect(seen).toEqual(['ok later', 'try 1 later', 'try 2 later']));
      seen.length = 0;
      await events.emit('host.started', { host: 'never' });
      await eventually(async () => expect(await bus.deadLetters?.read('p')).toHaveLength(1));
      expect(seen).toEqual(['ok never', 'try 1 never', 'try 2 never', 'try 3 never']);
      await events.emit('host.started', { host: 'poison' });
      await bus.publish({
        key: 'events.host.started',
        id: 'not-json',
        contentType: 'application/json',
        headers: {},
        body: Buffer.from('{'),
      });
      await eventually(async () => {
        const letters = (await bus.deadLetters?.read('p')) ?? [];
        expect(letters.map(({ reason }) => reason).toSorted()).toEqual([
          'The event is no JSON: the body cannot be read: it is not JSON.',
          'failed after 3 tries: not yet',
          'no such host',
        ]);
      });
      expect(errors.length).toBeGreaterThanOrEqual(5);
    });

    it('carry who acts and why into the handler', async () => {
      const { manager } = await open();
      const events = manager();
      const seen: unknown[] = [];
      await events.subscribe('host.started', () => seen.push(ambientContext()));
      const context = { actor: 'admin', correlationId: 'request-1' };
      await withContext(context, () => events.emit('host.started', { host: 'n1' }));
      await eventually(() => expect(seen).toEqual([context]));
    });

    it('end when the manager closes, and the bus stays open', async () => {
      const { place, manager, routed } = await open();
      const bus = place.connect();
      const events = manager({ bus });
      await events.subscribe('host.started', () => {});
      await events.close();
      await events.close();
      const closed = { code: 'CLOSED' };
      await expect(events.emit('host.started', { host: '' })).rejects.toMatchObject(closed);
      await expect(events.subscribe('host.started', () => {})).rejects.toMatchObject(closed);
      await expect(events.emitLocal('host.started', { host: '' })).rejects.toMatchObject(closed);
      expect(await manager({ bus }).emit('host.started', { host: 'n' })).toEqual({ routed });
      await expect(
        manager({ bus }).subscribe('host.started', () => {}, {
          signal: AbortSignal.abort(new Error('before')),
        }),
      ).rejects.toThrow('before');
    });
  });
}
