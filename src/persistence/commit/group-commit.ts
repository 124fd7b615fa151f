import { ClosedError, RefusedError, SignalboxError } from '../../core/errors/errors.js';
import { toError } from '../../core/errors/to-error.js';
import type { ResourceBinding } from '../resource/binding.js';
import { needsPlanning } from './guarded-transition.js';
import { RowLocked } from '../../core/planning/row-locked.js';
import type { Store } from '../store.js';
import type {
  TransitionOutcome,
  TransitionRequest,
  TransitionResult,
} from '../../core/planning/transition-request.js';
import { whole, type Fields } from '../../core/options/fields.js';
import { type Chain, chainLength, type Waiting } from './waiting.js';

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

/** Schema of the options of group commit. */
export const groupCommitFields: Fields<GroupCommitOptions> = {
  maxBatch: whole(1, 10_000),
  concurrency: whole(1, 1000),
};

type CommitStore = Pick<Store, 'transition' | 'mayChain'>;

interface LaneOptions extends Required<GroupCommitOptions> {
  /**
   * Requests of one resource that wait, from which on they go together. Planning them takes more round
   * trips than the one statement, so that fewer are quicker one by one.
   */
  readonly chainFrom: number;
}

/**
 * Lets concurrent callers share commits: callers that come while a commit is under way wait for it and
 * go together in the next. Nobody waits for a timer. Each caller gets its own result: a refusal, a
 * conflict, a database error or a locked row of one never fails another, nor holds up a commit. Rows that
 * somebody else holds are waited for apart, `concurrency` of them at once for each resource type.
 * Transitions of one resource go one after another, in the order they were asked for; where several
 * wait they share a commit too.
 */
export class GroupCommit {
  readonly #store: CommitStore;
  readonly #options: LaneOptions;
  readonly #lanes = new Map<ResourceBinding, Batcher>();
  #closed = false;

  constructor(
    store: CommitStore,
    { maxBatch = 128, concurrency = 2, chainFrom = 8 }: Partial<LaneOptions> = {},
  ) {
    this.#store = store;
    this.#options = { maxBatch, concurrency, chainFrom };
  }

  /** Resolves when the transition is committed; rejects with the request's own typed error. */
  async transition(
    binding: ResourceBinding,
    request: TransitionRequest,
  ): Promise<TransitionResult> {
    if (this.#closed) {
      throw new ClosedError('CLOSED', 'Signalbox is closed. Create a new one.');
    }
    let lane = this.#lanes.get(binding);
    if (lane === undefined) {
      lane = new Batcher(this.#store, binding, this.#options);
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
class Batcher {
  readonly #store: CommitStore;
  readonly #binding: ResourceBinding;
  readonly #options: LaneOptions;
  /**
   * Idle resources with requests. Direct ones send one request each, with the one statement; planned
   * ones send chains. They do not mix in a batch.
   */
  readonly #ready: Readonly<Record<'planned' | 'direct', Set<string>>> = {
    planned: new Set(),
    direct: new Set(),
  };
  /** Requests whose row somebody else holds: each chain goes alone and waits for it. */
  readonly #busy: Chain[] = [];
  /** For each resource that is ready or under way, the requests that are not under way. */
  readonly #queues = new Map<string, Waiting[]>();
  readonly #onDrained: (() => void)[] = [];
  #running = 0;
  #waitingForRows = 0;
  #scheduled = false;
  #turn: 'planned' | 'direct' = 'direct';
  /** Undefined until a queue is long enough to ask. */
  #mayChain: boolean | undefined;

  constructor(store: CommitStore, binding: ResourceBinding, options: LaneOptions) {
    this.#store = store;
    this.#binding = binding;
    this.#options = options;
  }

  add(request: TransitionRequest): Promise<TransitionResult> {
    return new Promise((resolve, reject) => {
      const planned = needsPlanning(this.#binding, request);
      const waiting = { request, planned, resolve, reject };
      const queue = this.#queues.get(request.uuid);
      if (queue === undefined) {
        this.#queues.set(request.uuid, [waiting]);
        this.#makeReady(request.uuid, [waiting]);
      } else {
        queue.push(waiting);
        // Once there is enough for a chain; before that it keeps its place.
        if (this.#ready.direct.has(request.uuid) && this.#isForPlan(queue)) {
          this.#ready.direct.delete(request.uuid);
          this.#ready.planned.add(request.uuid);
        }
      }
    });
  }

  drained(): Promise<void> {
    return this.#queues.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#onDrained.push(resolve));
  }

  #makeReady(uuid: string, queue: readonly Waiting[]): void {
    this.#ready[this.#isForPlan(queue) ? 'planned' : 'direct'].add(uuid);
    this.#schedule();
  }

  #isForPlan(queue: readonly Waiting[]): boolean {
    const { chainFrom } = this.#options;
    const isLong = chainLength(queue, chainFrom) >= chainFrom;
    return queue[0]?.planned === true || (isLong && this.#chains());
  }

  /** Asked once, and nobody waits for the answer. */
  #chains(): boolean {
    if (this.#mayChain === undefined) {
      this.#mayChain = this.#store.mayChain === undefined;
      this.#store.mayChain?.(this.#binding).then(
        (may) => (this.#mayChain = may),
        () => (this.#mayChain = undefined),
      );
    }
    return this.#mayChain;
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
      const chain = this.#busy.shift();
      if (chain === undefined) {
        break;
      }
      this.#waitingForRows += 1;
      void this.#commit([chain]).finally(() => {
        this.#waitingForRows -= 1;
        this.#schedule();
      });
    }
  }

  /** Both kinds take turns, so that neither starves the other; so do resources. */
  #nextBatch(): readonly Chain[] {
    const other = this.#turn === 'direct' ? 'planned' : 'direct';
    const kind = this.#ready[this.#turn].size > 0 ? this.#turn : other;
    this.#turn = kind === 'direct' ? 'planned' : 'direct';
    const batch: Chain[] = [];
    let room = this.#options.maxBatch;
    for (const uuid of this.#ready[kind]) {
      if (room === 0) {
        break;
      }
      this.#ready[kind].delete(uuid);
      const queue = this.#queues.get(uuid) as Waiting[];
      const requests = queue.splice(
        0,
        chainLength(queue, this.#mayChain === true && kind === 'planned' ? room : 1),
      );
      batch.push({ uuid, requests });
      room -= requests.length;
    }
    return batch;
  }

  /** Never rejects. */
  async #commit(batch: readonly Chain[]): Promise<void> {
    let outcomes: readonly TransitionOutcome[];
    try {
      outcomes = await this.#store.transition(
        this.#binding,
        batch.flatMap(({ requests }) => requests.map(({ request }) => request)),
      );
    } catch (error) {
      return this.#failed(batch, error);
    }
    let next = 0;
    for (const chain of batch) {
      const own = outcomes.slice(next, next + chain.requests.length);
      next += chain.requests.length;
      if (own[0] instanceof RowLocked && batch.length > 1) {
        this.#busy.push(chain);
      } else {
        this.#settle(chain, own);
      }
    }
  }

  /** Nothing of a failed batch is committed: halving it finds the culprit and spares the others. */
  async #failed(batch: readonly Chain[], error: unknown): Promise<void> {
    if (batch.length > 1 && isOfOneRequest(error)) {
      const half = batch.length >>> 1;
      await this.#commit(batch.slice(0, half));
      await this.#commit(batch.slice(half));
      return;
    }
    for (const chain of batch) {
      const { uuid, requests } = chain;
      if (requests.length > 1 && isOfOneRequest(error)) {
        const half = requests.length >>> 1;
        // First in their queue again: they come after the others, as they were asked.
        this.#queues.get(uuid)?.unshift(...requests.slice(half));
        await this.#commit([{ uuid, requests: requests.slice(0, half) }]);
      } else {
        const outcome = toError(error);
        this.#settle(
          chain,
          requests.map(() => outcome),
        );
      }
    }
  }

  #settle({ uuid, requests }: Chain, outcomes: readonly TransitionOutcome[]): void {
    const queue = this.#queues.get(uuid) as Waiting[];
    if (queue.length === 0) {
      this.#queues.delete(uuid);
    } else {
      this.#makeReady(uuid, queue);
    }
    requests.forEach(({ resolve, reject }, index) => {
      const outcome = outcomes[index] ?? new Error('The store returned no outcome.');
      if (outcome instanceof Error) {
        reject(outcome);
      } else {
        resolve(outcome);
      }
    });
    if (this.#queues.size === 0) {
      this.#onDrained.splice(0).forEach((drained) => drained());
    }
  }
}

/** Whether another batch without one of the requests may succeed. */
function isOfOneRequest(error: unknown): boolean {
  return (
    !(error instanceof SignalboxError) ||
    error instanceof RefusedError ||
    error.code === 'DATABASE_ERROR' ||
    error.code === 'LOCK_CONFLICT'
  );
}
