import { AsyncLocalStorage } from 'node:async_hooks';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';

/** A transaction that was begun in an asynchronous context, and what that context was inside of before. */
export interface OpenTransaction {
  readonly dataSource: DataSource;
  readonly runner: QueryRunner;
  readonly around: Scope | undefined;
  state: 'starting' | 'open' | 'ended';
}

/** A context in which transactions may begin without being seen outside of it. */
interface Scope {
  readonly around: Scope | undefined;
  readonly runner?: QueryRunner;
}

const scopes = new AsyncLocalStorage<Scope | OpenTransaction>();
const current = new WeakMap<QueryRunner, OpenTransaction>();
const scoped = new WeakSet<EntityManager>();

/**
 * Notes that the context of the caller, from here on, is inside the runner's transaction. Call it while
 * the caller of `startTransaction` is still on the stack.
 */
export function transactionStarting(runner: QueryRunner): void {
  const entered = scopes.getStore();
  if (entered !== undefined && 'state' in entered && isStartingOn(entered, runner)) {
    current.set(runner, entered);
  } else if (current.get(runner)?.state !== 'open') {
    current.set(runner, enterTransaction(runner));
  }
}

/**
 * The same for a transaction that has to wait for its turn first: the caller is told to be inside at once,
 * as long as it is on the stack.
 */
export function enterTransaction(runner: QueryRunner): OpenTransaction {
  const { dataSource } = runner;
  const around = stillOpen(scopes.getStore());
  const transaction: OpenTransaction = { dataSource, runner, around, state: 'starting' };
  scopes.enterWith(transaction);
  return transaction;
}

function isStartingOn(transaction: OpenTransaction, runner: QueryRunner): boolean {
  return transaction.runner === runner && transaction.state === 'starting';
}

/** Notes that the server has begun the runner's transaction. */
export function transactionStarted(runner: QueryRunner): void {
  const transaction = current.get(runner);
  if (transaction?.state === 'starting') transaction.state = 'open';
}

/** Notes that the runner's outermost transaction is over. */
export function transactionEnded(runner: QueryRunner): void {
  const transaction = current.get(runner);
  if (transaction !== undefined) transaction.state = 'ended';
  current.delete(runner);
}

/**
 * Keeps what `dataSource.transaction()` begins from whoever calls it and goes on beside it. Safe to call
 * again.
 */
export function scopeTransactions({ manager }: DataSource): void {
  if (scoped.has(manager)) return;
  scoped.add(manager);
  const transaction = manager.transaction.bind(manager) as (...given: unknown[]) => unknown;
  Object.defineProperty(manager, 'transaction', {
    value: (...given: unknown[]) => inScope(() => transaction(...given)),
    configurable: true,
    writable: true,
  });
}

/** Runs `work` so that the transactions it begins are not seen by whoever called it. */
export function inScope<T>(work: () => T): T {
  return scopes.run({ around: stillOpen(scopes.getStore()) }, work);
}

/** Runs `work` as if called outside of any transaction: what it starts goes on when that has ended. */
export function outsideTransactions<T>(work: () => T): T {
  return scopes.exit(work);
}

/**
 * Throws ConfigurationError TRANSACTION_WAITS_FOR_ITSELF when called inside a transaction of the
 * DataSource: what commits by itself would wait for what the transaction around it holds (its rows, its
 * connection), and that one for it.
 */
export function refuseInsideTransaction(dataSource: DataSource): void {
  if (transactionHere(dataSource) === undefined) return;
  throw new ConfigurationError(
    'TRANSACTION_WAITS_FOR_ITSELF',
    'This call commits by itself, and would wait for the transaction around it to end, which waits for ' +
      'this call. Pass { manager } to make the call a part of that transaction, or call it afterwards.',
  );
}

/** The runner of the transaction of a DataSource that the caller is inside of; undefined where it is in none. */
export function transactionHere(dataSource: DataSource): QueryRunner | undefined {
  for (let scope = scopes.getStore(); scope !== undefined; scope = scope.around) {
    if ('state' in scope && scope.dataSource === dataSource && isOpen(scope)) return scope.runner;
  }
  return undefined;
}

/** Whether the transaction is still open: releasing its runner ends it. */
function isOpen({ state, runner }: OpenTransaction): boolean {
  return state === 'open' && runner.isTransactionActive && !runner.isReleased;
}

/** The innermost that may still matter: a context that goes on for ever keeps none that has ended. */
function stillOpen(scope: Scope | OpenTransaction | undefined): Scope | undefined {
  let open = scope;
  while (
    open !== undefined &&
    !('state' in open && open.state !== 'ended' && !open.runner.isReleased)
  )
    open = open.around;
  return open;
}
