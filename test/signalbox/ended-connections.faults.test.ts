import { expect, test } from 'vitest';
import { SignalboxError } from '../../src/core/errors/errors.js';
import { memoryBus } from '../../src/delivery/memory/memory-bus.js';
import { VirtualMachine } from '../../src/cli/demo/entities.js';
import { openCloud } from '../e2e/support/cloud.js';
import { onServer } from '../support/databases.js';
import { type Committing, committing } from './cut-at-commit.js';

/** How often each call is made. */
const times = 12;
/** Calls under way at once, each on a connection of its own. */
const atOnce = 10;

test.each(['postgres', 'mariadb'] as const)(
  'connections to %s that are ended under load of every call end no process, and each call tells the truth',
  async (kind) => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    process.on('uncaughtExceptionMonitor', note);
    const cloud = await openCloud(kind);
    const bus = memoryBus();
    try {
      // What works in the background loses its connections too.
      const signalbox = await cloud.open({
        bus,
        relay: { pollInterval: 5 },
        deadlines: { pollInterval: 5 },
      });
      const cut = { signalbox, dataSource: cloud.dataSource };
      const prepared = [];
      for (const name of Object.keys(committing)) {
        for (let time = 0; time < times; time += 1) {
          const made = await (committing[name] as Committing).prepare(cut);
          prepared.push({ name, made });
        }
      }
      await using watch = await signalbox.watch(VirtualMachine, { reconcile: 5 });
      void (async () => {
        for await (const _ of watch);
      })();
      const queue = prepared.toReversed();
      const outcomes: { name: string; outcome: unknown; isThere: () => Promise<boolean> }[] = [];
      const work = async (): Promise<void> => {
        for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
          const { name, made } = next;
          const outcome = await made.call(cut).then(
            () => 'resolved',
            (error: unknown) => error,
          );
          outcomes.push({ name, outcome, isThere: () => made.isThere() });
        }
      };
      const working = Promise.all(Array.from({ length: atOnce }, work)).then(() => undefined);
      let isDone = false;
      void working.finally(() => (isDone = true));
      let ended = 0;
      while (!isDone) {
        ended += await endConnections(kind, new URL(cloud.url).pathname.slice(1));
      }
      await working;

      for (const { name, outcome, isThere } of outcomes) {
        if (outcome === 'resolved') {
          expect([name, await isThere()]).toEqual([name, true]);
          continue;
        }
        expect(outcome, `${name}: ${(outcome as Error).stack}`).toBeInstanceOf(SignalboxError);
        const { code, retryable } = outcome as SignalboxError;
        if (retryable) expect([name, code, await isThere()]).toEqual([name, code, false]);
      }
      expect(ended).toBeGreaterThan(atOnce);
      expect(uncaught).toEqual([]);
    } finally {
      process.off('uncaughtExceptionMonitor', note);
      await cloud[Symbol.asyncDispose]();
      await bus.close();
    }
  },
);

/** Ends every connection to the database; resolves with how many there were. */
async function endConnections(kind: 'postgres' | 'mariadb', database: string): Promise<number> {
  if (kind === 'postgres') {
    const rows = await onServer(
      kind,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
    );
    return rows.length;
  }
  const rows = await onServer(
    kind,
    `SELECT ID AS id FROM information_schema.PROCESSLIST WHERE DB = '${database}'`,
  );
  for (const { id } of rows) {
    // It may have ended meanwhile.
    await onServer(kind, `KILL ${Number(id)}`).catch(() => undefined);
  }
  return rows.length;
}
