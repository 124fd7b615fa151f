import { SignalboxError, UnavailableError } from '../errors/errors.js';
import type { ResourceBinding } from './binding.js';
import { needsPlanning } from './guarded-transition.js';
import { RowBusy } from './row-busy.js';
import type { Store, TransitionOutcome, TransitionRequest, Transitioned } from './store.js';

/** How concurrent transitions share commits. */
export interface GroupCommitOptions {
  /**
   * The most transitions in one commit. Default 128. More raises throughput under very many callers,
   * fewer lowers the latency of each commit.
   */
  readonly maxBatch?: number;
  /**
   * Commits under way at once for each resource type, each on a connection of its own. Default 2,
   * which keeps the database busy while the process prepares the next batch.
   */
  readonly concurrency?: number;
}

interface Waiting {
  readonly request: TransitionRequest;
  readonly planned: boolean;
  readonly resolve: (outcome: Transitioned) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Lets concurrent callers share commits: callers that come while a commit is under way wait for it and
 * go together in the next. Nobody waits for a timer. Each caller gets its own result: a refusal, a
 * conflict, a database error or a locked row of one never fails another, nor holds up a commit. Rows that
 * somebody else holds are waited for apart, `concurrency` of them at once for each resource type. Transitions of
 * one resource go one after another, in the order they were asked for.
 */
export class GroupCommit {
  readonly #store: Pick<Store, 'transition'>;
  readonly #options: Required<GroupCommitOptions>;
  readonly #lanes = new Map<ResourceBinding, Lane>();
  #closed = false;

  constructor(store: Pick<Store, 'transition'>, options: GroupCommitOptions = {}) {
    this.#store = store;
    this.#options = { maxBatch: options.maxBatch ?? 128, concurrency: options.concurrency ?? 2 };
  }

  /** Resolves when the transition is committed; rejects with the request's own typed error. */
  async transition(binding: ResourceBinding, request: TransitionRequest): Promise<Transitioned> {
    if (this.#closed) {
      throw new UnavailableError('CLOSED', 'Signalbox is closed. Create a new one.');
    }
    let lane = this.#lanes.get(binding);
    if (lane === undefined) {
      lane = new Lane(this.#store, binding, this.#options);
      this.#lanes.set(binding, lane);
    }
    return lane.add(request);
  }

  /** Takes no more requests, and resolves when those under way are settled. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#lanes.values()].map((lane) => lane.drained()));
  }
}

/** The callers of one resource type. */
class Lane {
  readonly #store: Pick<Store, 'transition'>;
  readonly #binding: ResourceBinding;
  readonly #options: Required<GroupCommitOptions>;
  /** The next request of each idle resource: guarded events and others do not mix in a batch. */
  readonly #ready: Readonly<Record<'planned' | 'direct', Waiting[]>> = { planned: [], direct: [] };
  /** Requests whose row somebody else holds: each goes alone and waits for it. */
  readonly #busy: Waiting[] = [];
  /** For each resource with a request that is ready or under way, those behind it. */
  readonly #behind = new Map<string, Waiting[]>();
  readonly #onDrained: (() => void)[] = [];
  #running = 0;
  #waitingForRows = 0;
  #scheduled = false;
  #turn: 'planned' | 'direct' = 'direct';

  constructor(
    store: Pick<Store, 'transition'>,
    binding: ResourceBinding,
    options: Required<GroupCommitOptions>,
  ) {
    this.#store = store;
    this.#binding = binding;
    this.#options = options;
  }

  add(request: TransitionRequest): Promise<Transitioned> {
    return new Promise((resolve, reject) => {
      const planned = needsPlanning(this.#binding, request);
      const waiting = { request, planned, resolve, reject };
      const behind = this.#behind.get(request.uuid);
      if (behind === undefined) {
        this.#behind.set(request.uuid, []);
        this.#makeReady(waiting);
      } else {
        behind.push(waiting);
      }
    });
  }

  drained(): Promise<void> {
    return this.#behind.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#onDrained.push(resolve));
  }

  #makeReady(waiting: Waiting): void {
    this.#ready[waiting.planned ? 'planned' : 'direct'].push(waiting);
    this.#schedule();
  }

  /**
   * Starts commits at the end of this turn of the event loop, when every caller that the last commit
   * answered has had its say: else the first of them would go alone and the others wait for it.
   */
  #schedule(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#start();
      });
    }
  }

  #start(): void {
    while (this.#running < this.#options.concurrency) {
      const batch = this.#nextBatch();
      if (batch.length === 0) {
        break;
      }
      this.#running += 1;
      void this.#commit(batch).finally(() => {
        this.#running -= 1;
        this.#schedule();
      });
    }
    while (this.#waitingForRows < this.#options.concurrency) {
      const waiting = this.#busy.shift();
      if (waiting === undefined) {
        break;
      }
      this.#waitingForRows += 1;
      void this.#commit([waiting]).finally(() => {
        this.#waitingForRows -= 1;
        this.#schedule();
      });
    }
  }

  /** Guarded and unguarded requests take turns, so that neither kind starves the other. */
  #nextBatch(): readonly Waiting[] {
    const other = this.#turn === 'direct' ? 'planned' : 'direct';
    const kind = this.#ready[this.#turn].length > 0 ? this.#turn : other;
    this.#turn = kind === 'direct' ? 'planned' : 'direct';
    return this.#ready[kind].splice(0, this.#options.maxBatch);
  }

  /** Never rejects. */
  async #commit(batch: readonly Waiting[]): Promise<void> {
    let outcomes: readonly TransitionOutcome[];
    try {
      outcomes = await this.#store.transition(
        this.#binding,
        batch.map(({ request }) => request),
      );
    } catch (error) {
      return this.#failed(batch, error);
    }
    batch.forEach((waiting, index) => {
      const outcome = outcomes[index];
      if (outcome instanceof RowBusy && batch.length > 1) {
        this.#busy.push(waiting);
      } else {
        this.#settle(waiting, outcome ?? new Error('The store returned no outcome.'));
      }
    });
  }

  /** Nothing of a failed batch is committed: halving it finds the culprit and spares the others. */
  async #failed(batch: readonly Waiting[], error: unknown): Promise<void> {
    if (batch.length > 1 && isOfOneRequest(error)) {
      const half = batch.length >>> 1;
      await this.#commit(batch.slice(0, half));
      await this.#commit(batch.slice(half));
      return;
    }
    for (const waiting of batch) {
      this.#settle(waiting, error instanceof Error ? error : new Error(String(error)));
    }
  }

  #settle({ request, resolve, reject }: Waiting, outcome: TransitionOutcome): void {
    const behind = this.#behind.get(request.uuid);
    const next = behind?.shift();
    if (next === undefined) {
      this.#behind.delete(request.uuid);
    } else {
      this.#makeReady(next);
    }
    if (outcome instanceof Error) {
      reject(outcome);
    } else {
      resolve(outcome);
    }
    if (this.#behind.size === 0) {
      this.#onDrained.splice(0).forEach((drained) => drained());
    }
  }
}

/** Whether another batch without one of the requests may succeed. */
function isOfOneRequest(error: unknown): boolean {
  return (
    !(error instanceof SignalboxError) ||
    error.code === 'DATABASE_ERROR' ||
    error.code === 'LOCK_CONFLICT'
  );
}
