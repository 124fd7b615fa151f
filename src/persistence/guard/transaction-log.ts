import type { QueryRunner } from 'typeorm';
import { ConflictError } from '../../core/errors/errors.js';

/** Writes of one transaction or savepoint, until it ends. */
interface Level {
  /** Whether events were appended that a relay should hear of. */
  appended: boolean;
  /** Puts entities in memory back to what the database says after a rollback. */
  readonly undo: (() => void)[];
  /** Writes that are incomplete; the transaction must not be committed with them. */
  readonly incomplete: Set<Half>;
  /** Entities with steps that were sent and wait for their save. */
  readonly sent: Map<object, SentSteps>;
}

/** Steps that were sent to one entity. */
export interface SentSteps {
  /** For people, such as `AttachRequested to Volume <uuid>`. */
  readonly what: string;
  /** Whether they still wait for a save. */
  readonly isPending: () => boolean;
  /** Puts the entity back to what it was before. */
  readonly giveUp: () => void;
}

/** Something of which a part is written and the rest is not. */
interface Half {
  /** For people, such as `The removal of Volume <uuid>`. */
  readonly what: string;
}

// By query runner, outermost transaction first. SQLite shares one runner, and the gate makes its
// transactions follow each other.
const logs = new WeakMap<QueryRunner, Level[]>();

/** Notes that a transaction or savepoint of this runner has begun. */
export function beginLevel(runner: QueryRunner): void {
  const levels = logs.get(runner) ?? [];
  logs.set(runner, levels);
  levels.length = Math.max(0, Math.min(levels.length, depthOf(runner) - 1));
  levels.push({ appended: false, undo: [], incomplete: new Set(), sent: new Map() });
}

/** Whether the commit that is next makes events visible: it is the outermost, and some were appended. */
export function announces(runner: QueryRunner): boolean {
  const levels = logs.get(runner);
  return levels?.length === 1 && levels[0]?.appended === true;
}

/**
 * Settles the level that was committed. True when it was the outermost and events were appended: only
 * then is anything visible to others. A released savepoint hands on to the level around it.
 */
export function commitLevel(runner: QueryRunner): boolean {
  const levels = logs.get(runner);
  const level = levels?.pop();
  if (level === undefined) {
    return false;
  }
  const around = levels?.at(-1);
  if (around === undefined) {
    return level.appended;
  }
  around.appended ||= level.appended;
  around.undo.push(...level.undo);
  for (const [entity, steps] of level.sent) {
    around.sent.set(entity, steps);
  }
  return false;
}

/**
 * Identifies the transaction that is open on a runner, savepoints included; undefined where there is
 * none.
 */
export function transactionOf(runner: QueryRunner): object | undefined {
  return runner.isTransactionActive ? logs.get(runner)?.[0] : undefined;
}

/** Notes that steps were sent to an entity in the runner's transaction, which must save them. */
export function noteSent(runner: QueryRunner, entity: object, steps: SentSteps): void {
  logs.get(runner)?.at(-1)?.sent.set(entity, steps);
}

/** Undoes in memory what the level that is being rolled back had done, the last first. */
export function rollbackLevel(runner: QueryRunner): void {
  const level = logs.get(runner)?.pop();
  for (const undo of level?.undo.toReversed() ?? []) {
    undo();
  }
  for (const { isPending, giveUp } of level?.sent.values() ?? []) {
    if (isPending()) {
      giveUp();
    }
  }
}

// By query runner, of transactions that are collected from.
const collected = new WeakMap<QueryRunner, string[]>();

/** Collects the ids of the events that are appended on this runner from now on. */
export function collectAppended(runner: QueryRunner): readonly string[] {
  const ids: string[] = [];
  collected.set(runner, ids);
  return ids;
}

/** Notes that these events were appended in the runner's transaction. */
export function noteAppended(runner: QueryRunner, ids: readonly string[]): void {
  const level = logs.get(runner)?.at(-1);
  if (level !== undefined) {
    level.appended = true;
  }
  collected.get(runner)?.push(...ids);
}

/** Has `undo` called should the runner's transaction, or the savepoint it is in, be rolled back. */
export function onRollback(runner: QueryRunner, undo: () => void): void {
  logs.get(runner)?.at(-1)?.undo.push(undo);
}

/**
 * Notes that a part of something is written in the runner's transaction, until the returned function
 * is called. Safe to call that twice.
 */
export function markIncomplete(runner: QueryRunner, what: string): () => void {
  const incomplete = logs.get(runner)?.at(-1)?.incomplete;
  const half = { what };
  incomplete?.add(half);
  return () => {
    incomplete?.delete(half);
  };
}

/**
 * Throws ConflictError TRANSACTION_LOST where the transaction or savepoint that is about to be
 * committed has something by half: its error was caught, and whoever caught it went on.
 */
export function refuseHalves(runner: QueryRunner): void {
  refuseUnsaved(runner);
  for (const { what } of logs.get(runner)?.at(-1)?.incomplete ?? []) {
    throw new ConflictError(
      'TRANSACTION_LOST',
      `${what} failed halfway in this transaction, and the caller went on. Nothing is committed. ` +
        'Let the error pass, or use a savepoint: manager.transaction().',
      { parameters: { what } },
    );
  }
}

/** A released savepoint hands its sent steps on: the transaction around it may still save them. */
function refuseUnsaved(runner: QueryRunner): void {
  const levels = logs.get(runner) ?? [];
  for (const { what, isPending } of levels.length === 1 ? (levels[0]?.sent.values() ?? []) : []) {
    if (isPending()) {
      throw new ConflictError(
        'TRANSACTION_LOST',
        `${what} was sent in this transaction, and no save wrote it. Nothing is committed. Save the entity ` +
          'that it was sent to, before the transaction ends.',
        { parameters: { what } },
      );
    }
  }
}

function depthOf(runner: QueryRunner): number {
  // Protected in TypeORM's types.
  return (runner as unknown as { transactionDepth: number }).transactionDepth;
}
