import type { DataSource, EntityManager } from 'typeorm';
import { failpoint } from '../../core/failpoints/failpoints.js';
import type { ResourceBinding } from '../resource/binding.js';
import { stateName } from './columns.js';
import { commit } from '../commit/commit.js';
import { databaseError } from '../commit/database-errors.js';
import { inJournal } from '../commit/in-journal.js';
import { planTransition, unknownResource } from '../../core/planning/plan.js';
import { RowLocked } from '../../core/planning/row-locked.js';
import type {
  TransitionOutcome,
  TransitionRequest,
} from '../../core/planning/transition-request.js';
import { runNamed, runNamedWithin } from './connection.js';
import { edgesOf, type EventEdges } from './edges.js';
import { type NamedStatement, namedStatement } from './prepared-statement.js';
import {
  type EdgeParameters,
  edgeParameters,
  type StatementParameters,
  statementParameters,
} from './transition-parameters.js';
import { type RowResult, transitionStatement } from './transition-statement.js';

/** Row that the statement returns for each request, in any order. */
type StatementRow = readonly [
  /** 1 for the first request of the batch. */
  ord: string,
  /** Null when the row was not locked: there is none, or it is busy; and where the column is NULL. */
  state: string | null,
  /** Before the move, where it moved. */
  revision: string | null,
  fate: RowResult,
];

/** Different sets of events whose edges are kept as parameters. */
const keptEdgeSets = 256;

/** Moves the resources of one binding by the one statement. Its events must be unguarded. */
export class TransitionExecutor {
  readonly #binding: ResourceBinding;
  readonly #nextId: () => string;
  readonly #space: string;
  readonly #edges: ReadonlyMap<string, EventEdges>;
  readonly #edgeParameters = new Map<string, EdgeParameters>();
  readonly #statements = new Map<number, NamedStatement>();

  constructor(binding: ResourceBinding, nextId: () => string, space = '') {
    this.#space = space;
    this.#binding = binding;
    this.#nextId = nextId;
    this.#edges = edgesOf(binding);
  }

  /**
   * Moves a batch in a transaction of its own. In a batch of several a busy row is not waited for: its
   * outcome is `RowBusy`, as is that of a row that was changed meanwhile. A single request waits; when it is not moved,
   * it is asked as a batch of one for the reason, and may be moved by that after all.
   */
  async run(
    dataSource: DataSource,
    batch: readonly TransitionRequest[],
  ): Promise<readonly TransitionOutcome[]> {
    if (batch.length === 1) {
      const outcomes = await this.#commit(dataSource, batch, false);
      if (outcomes[0] !== undefined) {
        return outcomes as readonly TransitionOutcome[];
      }
    }
    return this.#whole(batch, await this.#commit(dataSource, batch, true));
  }

  /** The outcomes that the statement tells of. */
  async #commit(
    dataSource: DataSource,
    batch: readonly TransitionRequest[],
    several: boolean,
  ): Promise<readonly (TransitionOutcome | undefined)[]> {
    const parameters = this.#parameters(batch, several);
    const statement = this.#statement(parameters, several);
    return commit<readonly (TransitionOutcome | undefined)[]>(
      dataSource,
      async (handOver) => {
        failpoint('compare-and-set');
        const { rows } = await runNamed(dataSource, statement, parameters.values, (session) =>
          handOver({
            session,
            find: (manager, cause) => this.#find(manager, batch, parameters, cause),
          }),
        );
        return this.#outcomes(batch, parameters, rows);
      },
      {
        appends: (outcomes) =>
          outcomes.some((outcome) => outcome !== undefined && !(outcome instanceof Error)),
      },
    );
  }

  /** The same for one request in the caller's transaction. */
  async runWithin(manager: EntityManager, request: TransitionRequest): Promise<TransitionOutcome> {
    const [moved] = await this.#join(manager, request, false);
    if (moved !== undefined) {
      return moved;
    }
    const [outcome] = this.#whole([request], await this.#join(manager, request, true));
    return outcome as TransitionOutcome;
  }

  async #join(
    manager: EntityManager,
    request: TransitionRequest,
    several: boolean,
  ): Promise<readonly (TransitionOutcome | undefined)[]> {
    const batch = [request];
    const parameters = this.#parameters(batch, several);
    failpoint('compare-and-set');
    const { rows } = await runNamedWithin(
      manager,
      this.#statement(parameters, several),
      parameters.values,
    );
    return this.#outcomes(batch, parameters, rows);
  }

  #parameters(batch: readonly TransitionRequest[], several: boolean): StatementParameters {
    const events = distinct(batch, ({ event }) => event);
    const sources = distinct(batch, ({ origin }) => origin.source);
    const key = [String(several), ...events, '', ...sources].join('\n');
    let edges = this.#edgeParameters.get(key);
    if (edges === undefined) {
      if (this.#edgeParameters.size >= keptEdgeSets) {
        this.#edgeParameters.clear();
      }
      edges = edgeParameters(
        this.#binding,
        events.flatMap((event) => this.#edges.get(event) ?? []),
        sources,
        several,
      );
      this.#edgeParameters.set(key, edges);
    }
    return statementParameters(this.#binding, batch, several, this.#edges, edges, this.#nextId);
  }

  #statement({ variant }: StatementParameters, several: boolean): NamedStatement {
    const { effects, arms, cancels } = variant;
    const choice = variant.choice && !several;
    const key =
      Number(effects) +
      2 * Number(arms) +
      4 * Number(cancels) +
      8 * Number(several) +
      16 * Number(choice);
    let statement = this.#statements.get(key);
    if (statement === undefined) {
      statement = namedStatement(
        transitionStatement(this.#binding, { ...variant, several, choice }, this.#space),
      );
      this.#statements.set(key, statement);
    }
    return statement;
  }

  #outcomes(
    batch: readonly TransitionRequest[],
    { ids }: StatementParameters,
    rows: readonly (readonly (string | null)[])[],
  ): readonly (TransitionOutcome | undefined)[] {
    const outcomes: (TransitionOutcome | undefined)[] = batch.map(() => undefined);
    for (const each of rows) {
      const row = each as unknown as StatementRow;
      const index = Number(row[0]) - 1;
      outcomes[index] = this.#outcome(
        batch[index] as TransitionRequest,
        ids[index] as readonly string[],
        row,
      );
    }
    return outcomes;
  }

  /** A batch tells of every row there is. */
  #whole(
    batch: readonly TransitionRequest[],
    outcomes: readonly (TransitionOutcome | undefined)[],
  ): readonly TransitionOutcome[] {
    return outcomes.map(
      (outcome, index) =>
        outcome ?? unknownResource(this.#binding, (batch[index] as TransitionRequest).uuid),
    );
  }

  #outcome(
    request: TransitionRequest,
    ids: readonly string[],
    [, state, revision, fate]: StatementRow,
  ): TransitionOutcome {
    if (fate === 'busy') {
      return new RowLocked();
    }
    if (fate === 'gone') {
      return unknownResource(this.#binding, request.uuid);
    }
    const missing = state === null ? 'state' : revision === null ? 'revision' : undefined;
    const name = stateName(this.#binding, state);
    if (fate === 'moved') {
      return this.#moved(request, ids, name, Number(revision));
    }
    const plan = planTransition(
      this.#binding,
      {
        uuid: request.uuid,
        state: name,
        revision: Number(revision),
        ...(missing === undefined ? {} : { missing }),
      },
      request,
      { nextId: this.#nextId },
    );
    // Lawful and yet not moved: the row was changed meanwhile, or something on its table swallowed the
    // update, which is told where the row is locked first.
    return plan instanceof Error ? plan : new RowLocked();
  }

  #moved(
    { uuid, event }: TransitionRequest,
    ids: readonly string[],
    old: string,
    revision: number,
  ): TransitionOutcome {
    const edge = this.#edges.get(event)?.edges.find(({ row }) => row.from === old);
    if (edge === undefined) {
      throw new Error(`The statement took an edge ${event} from ${old} that does not exist.`);
    }
    return {
      uuid,
      old,
      new: edge.row.to,
      revision: revision + 1,
      changed: edge.row.changed,
      events: [
        ids[0] as string,
        ...edge.effects.map(({ effectSlot }) => ids[effectSlot + 1] as string),
      ],
    };
  }

  /** The outcomes by the journal; undefined when it has none of the batch. */
  async #find(
    manager: EntityManager,
    batch: readonly TransitionRequest[],
    { ids }: StatementParameters,
    cause: unknown,
  ): Promise<{ readonly result: readonly TransitionOutcome[] } | undefined> {
    const events = await inJournal(
      manager,
      ids.map(([id]) => id as string),
    );
    if (events.length === 0) return undefined;
    const written = new Map(events.map(({ id, payload }) => [id, payload]));
    const result = batch.map((request, index) => {
      const own = ids[index] as readonly string[];
      const payload = written.get(own[0] as string);
      if (payload === undefined) {
        return databaseError(cause);
      }
      const { revision, data } = JSON.parse(payload) as {
        readonly revision: number;
        readonly data: { readonly old: string };
      };
      return this.#moved(request, own, data.old, revision - 1);
    });
    return { result };
  }
}

/** Distinct values of a batch's requests, each once, in an order of its own. */
function distinct(
  batch: readonly TransitionRequest[],
  read: (request: TransitionRequest) => string,
): readonly string[] {
  const [first, ...others] = new Set(batch.map(read));
  return others.length === 0 ? [first as string] : [first as string, ...others].toSorted();
}
