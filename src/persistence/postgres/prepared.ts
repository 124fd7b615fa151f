import type pg from 'pg';
import { askDirect, isDirect, noteServerProcess } from './direct-connections.js';
import { plannerBack, plannerByKey } from './planner-settings.js';
import type { NamedStatement } from './prepared-statement.js';

/** A parameter: text as the server reads it, or bytes in its binary format. */
export type PreparedValue = string | Buffer | null;

/** Result of a statement in the server's text format. */
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
          new PreparedQuery(client, statement, values, (error, result) => {
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
    ...((await askDirect(client)) ? { name } : {}),
    text,
    values: values as PreparedValue[],
    rowMode: 'array',
    types: { getTypeParser: () => (value: unknown) => value },
  });
  return { rows: rows as unknown as PreparedResult['rows'], count: rowCount ?? 0 };
}

/** Members of the driver's connection that queries use to speak the protocol themselves. */
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

/** The statement that each Parse of the same name replaces. */
const unnamed = '';

/**
 * A query as the driver takes it: it calls `submit`, and the others as the answers come. Has the
 * properties of the driver's own queries by which instrumentations know them.
 */
class PreparedQuery implements pg.Submittable {
  /** Empty where the statement is left on no connection: the driver takes it for one without a name. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly PreparedValue[];
  readonly #client: object;
  callback: (error: Error | null, result?: PreparedResult) => void;
  readonly #rows: (readonly (string | null)[])[] = [];
  #wire: Wire | undefined;
  #completed = 0;
  #count = 0;
  #failed = false;

  constructor(
    client: object,
    { name, text }: NamedStatement,
    values: readonly PreparedValue[],
    callback: (error: Error | null, result?: PreparedResult) => void,
  ) {
    // Behind a pooler another client may get this connection, and with it the prepared statement.
    this.name = isDirect(client) === true ? name : unnamed;
    this.text = text;
    this.values = values;
    this.#client = client;
    this.callback = callback;
  }

  submit(connection: unknown): void {
    const wire = connection as Wire;
    this.#wire = wire;
    const { name } = this;
    // In one packet.
    wire.stream.cork?.();
    try {
      if (name === unnamed) {
        this.#sendOnce(wire);
      } else {
        this.#sendPrepared(wire);
      }
    } catch (error) {
      this.handleError(error as Error);
    } finally {
      // Without it the server would not answer, and the connection would be of no more use.
      wire.sync();
      wire.stream.uncork?.();
    }
  }

  #sendPrepared(wire: Wire): void {
    const { name, text } = this;
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
    this.#execute(wire);
  }

  #sendOnce(wire: Wire): void {
    wire.parse({ name: unnamed, text: plannerByKey.text });
    wire.bind({ statement: unnamed, values: [] });
    wire.execute();
    wire.parse({ name: unnamed, text: this.text });
    wire.bind({ statement: unnamed, values: this.values });
    wire.parse({ name: unnamed, text: plannerBack.text });
    wire.bind({ portal: backPortal, statement: unnamed, values: [] });
    this.#execute(wire);
  }

  /** Gives the settings back, and only then runs the statement. */
  #execute(wire: Wire): void {
    wire.execute({ portal: backPortal });
    wire.close({ type: 'P', name: backPortal });
    wire.execute();
  }

  handleRowDescription(): void {}

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#completed === commandsBefore) {
      this.#rows.push(fields);
    } else if (this.#completed === 0) {
      noteServerProcess(this.#client, fields[0]);
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
      if (this.name !== unnamed) withPlannerSettings.add(this.#wire as Wire);
      this.callback(null, { rows: this.#rows, count: this.#count });
    }
  }
}
