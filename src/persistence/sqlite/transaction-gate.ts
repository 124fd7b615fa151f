import { AsyncLocalStorage } from 'node:async_hooks';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import { enterTransaction } from '../commit/transaction-context.js';

/** A turn on the connection; compared by identity. */
interface Turn {
  /** Taken by `queryRunner.startTransaction()`, whose caller cannot be told from others. */
  readonly anonymous: boolean;
}

const gates = new WeakMap<DataSource, TransactionGate>();

/**
 * Gives the callers of one SQLite connection their turns, first come, first served. TypeORM shares a
 * single connection and query runner among all callers of a better-sqlite3 DataSource, so that two
 * concurrent transactions would become one: a rollback of either would undo both.
 *
 * A turn belongs to the asynchronous context that took it: whatever is called inside passes through,
 * whatever is called outside waits.
 */
export class TransactionGate {
  readonly #turns = new AsyncLocalStorage<Turn>();
  readonly #waiting: (() => void)[] = [];
  #turn: Turn | undefined;

  /** True inside the turn under way, where waiting for the next one would never end. */
  get within(): boolean {
    return this.#turn !== undefined && this.#turns.getStore() === this.#turn;
  }

  /** True also where a turn was taken with `hold`, so that the caller may or may not be its owner. */
  get passes(): boolean {
    return this.within || this.#turn?.anonymous === true;
  }

  /** Runs `work` as a turn of its own, or at once where a turn is already ours. */
  async run<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.within) {
      return work();
    }
    const turn = await this.#take(false);
    try {
      return await this.#turns.run(turn, work);
    } finally {
      this.#give(turn);
    }
  }

  /** Runs `work` as if called outside of any turn, so that what it starts may wait for its own. */
  outside<T>(work: () => T): T {
    return this.#turns.exit(work);
  }

  /** Takes a turn that ends with the returned function; safe to call that twice. */
  async hold(): Promise<() => void> {
    const turn = await this.#take(true);
    return () => {
      this.#give(turn);
    };
  }

  async #take(anonymous: boolean): Promise<Turn> {
    // Whoever is let in next is decided when a turn ends, so that a newcomer cannot slip in between.
    if (this.#turn !== undefined) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const turn: Turn = { anonymous };
    this.#turn = turn;
    return turn;
  }

  #give(turn: Turn): void {
    if (this.#turn !== turn) {
      return;
    }
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#turn = undefined;
    } else {
      // Held by nobody until the next one wakes: nobody is within, everybody else queues.
      this.#turn = { anonymous: false };
      next();
    }
  }
}

/** The gate of a DataSource, if one is installed. */
export function transactionGate(dataSource: DataSource): TransactionGate | undefined {
  return gates.get(dataSource);
}

/**
 * Throws ConfigurationError TRANSACTION_WAITS_FOR_ITSELF when called inside a transaction of a SQLite
 * DataSource: work that takes a transaction of its own would wait for the one around it for ever. Does
 * nothing on databases with several connections.
 */
export function refuseInsideTurn(dataSource: DataSource): void {
  if (gates.get(dataSource)?.within === true) {
    throw new ConfigurationError(
      'TRANSACTION_WAITS_FOR_ITSELF',
      'SQLite has one connection, and this call would wait for the transaction around it to end. Pass { manager } to make the call a part of that transaction.',
    );
  }
}

/**
 * Installs the gate on an initialized better-sqlite3 DataSource: `dataSource.transaction()`, saves and
 * removals of the default manager, transactions of a query runner, and single queries each take a
 * turn. Nested transactions pass through and become savepoints. Safe to call twice.
 *
 * Two callers that both use `queryRunner.startTransaction()` at once cannot be told apart, and still
 * become one transaction: use `dataSource.transaction()`.
 */
export function installTransactionGate(dataSource: DataSource): TransactionGate {
  const installed = gates.get(dataSource);
  if (installed !== undefined) {
    return installed;
  }
  const gate = new TransactionGate();
  gates.set(dataSource, gate);
  gateManager(gate, dataSource.manager);
  // TypeORM makes another runner when the DataSource is initialized again.
  const create = dataSource.createQueryRunner.bind(dataSource);
  const gated = new WeakSet<QueryRunner>();
  Object.defineProperty(dataSource, 'createQueryRunner', {
    value: (mode?: Parameters<DataSource['createQueryRunner']>[0]) => {
      const runner = create(mode);
      if (!gated.has(runner)) {
        gated.add(runner);
        gateQueryRunner(gate, runner);
      }
      return runner;
    },
    configurable: true,
    writable: true,
  });
  dataSource.createQueryRunner();
  return gate;
}

const transactional = ['transaction', 'save', 'remove', 'softRemove', 'recover'] as const;

function gateManager(gate: TransactionGate, manager: EntityManager): void {
  for (const name of transactional) {
    // The overloads of these methods have no common signature.
    const original = manager[name].bind(manager) as (...given: unknown[]) => Promise<unknown>;
    const gated = (...given: unknown[]): Promise<unknown> => gate.run(() => original(...given));
    Object.defineProperty(manager, name, { value: gated, configurable: true, writable: true });
  }
}

function gateQueryRunner(gate: TransactionGate, runner: QueryRunner): void {
  const query = runner.query.bind(runner) as (...given: unknown[]) => Promise<unknown>;
  const start = runner.startTransaction.bind(runner);
  const commit = runner.commitTransaction.bind(runner);
  const rollback = runner.rollbackTransaction.bind(runner);
  let release: (() => void) | undefined;
  const releaseWhenOver = (): void => {
    if (!runner.isTransactionActive) {
      release?.();
      release = undefined;
    }
  };
  Object.assign(runner, {
    query: (...given: unknown[]) =>
      gate.passes ? query(...given) : gate.run(() => query(...given)),
    startTransaction: async (isolation?: Parameters<QueryRunner['startTransaction']>[0]) => {
      if (!gate.passes) {
        enterTransaction(runner);
        release = await gate.hold();
      }
      try {
        await start(isolation);
      } finally {
        releaseWhenOver();
      }
    },
    commitTransaction: async () => {
      try {
        await commit();
      } finally {
        releaseWhenOver();
      }
    },
    rollbackTransaction: async () => {
      try {
        await rollback();
      } finally {
        releaseWhenOver();
      }
    },
  });
}
