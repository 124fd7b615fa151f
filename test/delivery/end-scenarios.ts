import { expect } from 'vitest';
import { SignalboxError } from '../../src/core/errors/errors.js';
import type { Bus, BusSubscription } from '../../src/delivery/bus/bus.js';
import { DeadLetterError } from '../../src/delivery/bus/dead-letter-error.js';
import { message, Recorder } from '../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../support/eventually.js';
import { EventManager, ServiceManager } from '../../src/outside/rpc/index.js';

/** Something that waits for the other side, on a bus of its own. */
interface Waiting {
  readonly what: string;
  /** Made while all is well; what it returns is called when the other side is gone. */
  readonly prepare: (bus: Bus) => Promise<() => Promise<unknown>>;
}

/** Milliseconds in which every end settles, as the documentation says; a failed test, and no claim of speed. */
export const endBound = 30_000;

async function inPool(bus: Bus): Promise<BusSubscription> {
  const recorder = new Recorder();
  const member = await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
  await bus.publish(message('a'));
  await recorder.atLeast(1);
  return member;
}

async function withDeadLetter(bus: Bus): Promise<void> {
  await bus.subscribe(
    ['#'],
    () => {
      throw new DeadLetterError('no');
    },
    { pool: 'd' },
  );
  await bus.publish(message('a', { id: 'dead' }));
  await eventually(async () => expect(await bus.deadLetters?.read('d')).toHaveLength(1));
}

/** Every call that waits for a broker when something ends, and what tools wait for. */
export const waitings: readonly Waiting[] = [
  { what: 'close of a bus that does nothing', prepare: async (bus) => () => bus.close() },
  {
    what: 'close of a bus with a pool, an ephemeral subscription and a publish under way',
    prepare: async (bus) => {
      await inPool(bus);
      await bus.subscribe(['#'], () => {});
      return async () => {
        bus.publish(message('a')).catch(() => undefined);
        await bus.close();
      };
    },
  },
  {
    what: 'close of a bus that puts a message aside',
    prepare: async (bus) => {
      let release: (() => void) | undefined;
      await bus.subscribe(
        ['#'],
        async () => {
          await new Promise<void>((resolve) => (release = resolve));
          throw new DeadLetterError('no');
        },
        { pool: 'p' },
      );
      await bus.publish(message('a'));
      await eventually(() => expect(release).toBeDefined());
      return async () => {
        release?.();
        await bus.close();
      };
    },
  },
  {
    what: 'unsubscribe',
    prepare: async (bus) => {
      const member = await inPool(bus);
      return () => member.unsubscribe();
    },
  },
  {
    what: 'unsubscribe that removes the pool',
    prepare: async (bus) => {
      const member = await inPool(bus);
      return () => member.unsubscribe({ removePool: true });
    },
  },
  {
    what: 'what is asked of dead letters, and the close behind it',
    prepare: async (bus) => {
      await withDeadLetter(bus);
      return async () => {
        const calls = (['read', 'redrive', 'drop'] as const).map((call) =>
          Promise.resolve(bus.deadLetters?.[call]('d')),
        );
        const settled = Promise.allSettled(calls);
        await bus.close();
        for (const each of await settled) {
          if (each.status === 'rejected' && !(each.reason instanceof SignalboxError)) {
            throw each.reason;
          }
        }
      };
    },
  },
  {
    what: 'hasPool',
    prepare: async (bus) => {
      await inPool(bus);
      return () => bus.hasPool('never seen');
    },
  },
  {
    what: 'close of services and events',
    prepare: async (bus) => {
      const services = new ServiceManager({ bus });
      await services.expose('s', { ping: () => 'pong' });
      const events = new EventManager({ bus });
      await events.subscribe('topic', () => {});
      return () => Promise.all([services.close(), events.close()]);
    },
  },
];

/** Calls all of it once the other side is gone, and tells of each how it settled. */
export async function settleAll(
  connect: () => Bus,
  breakIt: () => void | Promise<void>,
): Promise<readonly string[]> {
  const buses: Bus[] = [];
  const calls = await Promise.all(
    waitings.map(async ({ what, prepare }) => {
      const bus = connect();
      buses.push(bus);
      return { what, call: await prepare(bus) };
    }),
  );
  await breakIt();
  const settled = await Promise.all(calls.map(({ what, call }) => outcome(what, call())));
  const closed = await Promise.all(buses.map((bus) => outcome('close in the end', bus.close())));
  const refused = await Promise.all(
    buses.map(async (bus) =>
      bus.publish(message('a')).then(
        () => 'published by a closed bus',
        (error: unknown) => (codeOf(error) === 'CLOSED' ? '' : `after the close: ${String(error)}`),
      ),
    ),
  );
  return [...settled, ...closed, ...refused].filter((each) => each !== '');
}

/** Empty for what settled in time, by resolving or by a typed error. */
async function outcome(what: string, work: Promise<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`${what} has not settled`), endBound);
  });
  const settled = work.then(
    () => '',
    (error: unknown) =>
      error instanceof SignalboxError ? '' : `${what} rejects with ${String(error)}`,
  );
  const told = await Promise.race([settled, late]);
  clearTimeout(timer);
  return told;
}

function codeOf(error: unknown): string {
  return error instanceof SignalboxError ? error.code : '';
}
