import type pg from 'pg';
import { plannerBack, plannerByKey } from './planner-settings.js';
import type { NamedStatement } from './prepared-statement.js';

/** A parameter: text as the server reads it, or bytes in its binary format. */
export type PreparedValue = string | Buffer | null;

/** What a statement returned, as the server writes it. */
export interface PreparedResult {
  readonly rows: readonly (readonly (string | null)[])[];
  /** The rows that the statement returned or wrote. */
  readonly count: number;
}

/**
 * Runs a named statement on a connection of `pg`, planned to look rows up by their keys. Rejects with the
 * driver's error.
 *
 * The driver's own queries ask the server to describe the columns each time, and read them by that.
 * Here the caller knows them, which saves a fifth of the processor time that a lone statement takes.
 */
export function runPrepared(
  client: pg.ClientBase,
  statement: NamedStatement,
  values: readonly PreparedValue[],
): Promise<PreparedResult> {
  return takesOwnQueries(client)
    ? new Promise((resolve, reject) => {
        client.query(
          new PreparedQuery(statement, values, (error, result) => {
            if (result === undefined) {
              reject(error as Error);
            } else {
              resolve(result);
            }
          }),
        );
      })
    : runDescribed(client, statement, values);
}

/** pg-native speaks the protocol by itself, and a pipelined client refuses queries that do. */
function takesOwnQueries(client: pg.ClientBase): boolean {
  const { connection, pipeline } = client as unknown as {
    readonly connection?: object;
    readonly pipeline?: boolean;
  };
  return connection !== undefined && pipeline !== true;
}

async function runDescribed(
  client: pg.ClientBase,
  { name, text }: NamedStatement,
  values: readonly PreparedValue[],
): Promise<PreparedResult> {
  const { rows, rowCount } = await client.query<unknown[]>({
    name,
    text,
    values: values as PreparedValue[],
    rowMode: 'array',
    types: { getTypeParser: () => (value: unknown) => value },
  });
  return { rows: rows as unknown as PreparedResult['rows'], count: rowCount ?? 0 };
}

/** What the driver's connection offers to queries that speak the protocol by themselves. */
interface Wire {
  /** Those of the driver for runtimes other than Node.js cannot hold back. */
  readonly stream: { cork?(): void; uncork?(): void };
  readonly parsedStatements: Readonly<Record<string, string | undefined>>;
  readonly submittedNamedStatements: Record<string, string | undefined>;
  parse(query: NamedStatement): void;
  bind(config: {
    readonly portal?: string;
    readonly statement: string;
    readonly values: readonly PreparedValue[];
  }): void;
  execute(config?: { readonly portal: string }): void;
  close(target: { readonly type: 'S' | 'P'; readonly name: string }): void;
  sync(): void;
}

/** The connections that have the statements of the planner's settings. */
const withPlannerSettings = new WeakSet<object>();

/** Where the settings are given back: not the unnamed one, in which the statement waits. */
const backPortal = 'signalbox_planner';

/** Commands before the statement itself: the settings, and giving them back. */
const commandsBefore = 2;

/**
 * A query as the driver takes it: it calls `submit`, and the others as the answers come. Has the
 * properties of the driver's own queries by which instrumentations know them.
 */
class PreparedQuery implements pg.Submittable {
  readonly name: string;
  readonly text: string;
  readonly values: readonly PreparedValue[];
  callback: (error: Error | null, result?: PreparedResult) => void;
  readonly #rows: (readonly (string | null)[])[] = [];
  #wire: Wire | undefined;
  #completed = 0;
  #count = 0;
  #failed = false;

  constructor(
    { name, text }: NamedStatement,
    values: readonly PreparedValue[],
    callback: (error: Error | null, result?: PreparedResult) => void,
  ) {
    this.name = name;
    this.text = text;
    this.values = values;
    this.callback = callback;
  }

  submit(connection: unknown): void {
    const wire = connection as Wire;
    this.#wire = wire;
    const { name, text } = this;
    // In one packet.
    wire.stream.cork?.();
    try {
      if (
        wire.parsedStatements[name] === undefined &&
        wire.submittedNamedStatements[name] === undefined
      ) {
        wire.parse({ name, text });
        wire.submittedNamedStatements[name] = text;
      }
      // Behind the statement itself: the driver takes the first that was parsed for it.
      if (!withPlannerSettings.has(wire)) {
        for (const settings of [plannerByKey, plannerBack]) {
          // It may be there after all, from a query that failed.
          wire.close({ type: 'S', name: settings.name });
          wire.parse(settings);
        }
      }
      wire.bind({ statement: plannerByKey.name, values: [] });
      wire.execute();
      // Binding plans.
      wire.bind({ statement: name, values: this.values });
      wire.bind({ portal: backPortal, statement: plannerBack.name, values: [] });
      wire.execute({ portal: backPortal });
      wire.close({ type: 'P', name: backPortal });
      wire.execute();
    } catch (error) {
      this.handleError(error as Error);
    } finally {
      // Without it the server would not answer, and the connection would be of no more use.
      wire.sync();
      wire.stream.uncork?.();
    }
  }

  handleRowDescription(): void {}

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#completed === commandsBefore) {
      this.#rows.push(fields);
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#completed += 1;
    this.#count = Number(text.slice(text.lastIndexOf(' ') + 1));
  }

  handleError(error: Error): void {
    this.#failed = true;
    withPlannerSettings.delete(this.#wire as Wire);
    this.callback(error);
  }

  handleReadyForQuery(): void {
    if (!this.#failed) {
      withPlannerSettings.add(this.#wire as Wire);
      this.callback(null, { rows: this.#rows, count: this.#count });
    }
  }
}
