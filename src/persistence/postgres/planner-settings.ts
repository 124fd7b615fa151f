import { serverProcessSql } from './direct-connections.js';
import { namedStatement } from './prepared-statement.js';

// A table that is empty, or was when the planner last looked, is cheaper to read whole than to look anything
// up in; and the plan is kept when it is full. JIT compiles what looks expensive, such as a method that is
// turned off and yet the only one.
const settings = ['enable_seqscan', 'enable_bitmapscan', 'jit'] as const;

const kept = 'signalbox.planner';

/**
 * Turns off what a statement that looks rows up by their keys never needs, until `plannerBack` or the end
 * of the transaction. Returns the number of the server process first.
 */
export const plannerByKey = namedStatement(
  `SELECT ${[
    serverProcessSql,
    `set_config('${kept}', concat_ws(',', ${settings.map((name) => `current_setting('${name}')`).join(', ')}), true)`,
    ...settings.map((name) => `set_config('${name}', 'off', true)`),
  ].join(', ')}`,
);

/** Gives the settings back as they were: triggers, and what follows in the transaction, are not ours. */
export const plannerBack = namedStatement(
  `SELECT ${settings
    .map(
      (name, index) =>
        `set_config('${name}', split_part(current_setting('${kept}'), ',', ${index + 1}), true)`,
    )
    .join(', ')}`,
);
