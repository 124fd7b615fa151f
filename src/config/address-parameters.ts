import { ConfigurationError } from '../core/errors/errors.js';
import { nearestName } from '../core/errors/nearest-name.js';

/**
 * The parameters of a database address. Pure. Throws ConfigurationError CONFIG_VALUE_INVALID, without
 * any value, for one that is not among `known`, and for one that is given twice.
 *
 * @param known By canonical name, the spellings that mean it; upper and lower case count.
 * @returns By canonical name.
 */
export function addressParameters(
  query: string,
  database: string,
  known: Readonly<Record<string, readonly string[]>>,
): ReadonlyMap<string, string> {
  const names = new Map(
    Object.entries(known).flatMap(([name, spellings]) =>
      [name, ...spellings].map((spelling) => [spelling, name] as const),
    ),
  );
  const found = new Map<string, string>();
  for (const [given, value] of new URLSearchParams(query)) {
    const name = names.get(given);
    if (name === undefined) {
      const near = nearestName(given, [...names.keys()]);
      const known = [...new Set(names.values())].join(', ');
      throw parameterError(
        given,
        `is not a parameter of ${database} that Signalbox knows${near === undefined ? '' : `. Did you mean '${near}'`}${near === undefined ? `: it has ${known === '' ? 'none' : known}.` : '?'}`,
      );
    }
    if (found.has(name)) throw parameterError(given, 'is given twice. Give it once.');
    found.set(name, value);
  }
  return found;
}

/** Pure. The value lower-cased, when it is one of `allowed`; else a ConfigurationError that names them. */
export function oneOf(name: string, value: string, allowed: readonly string[], why = ''): string {
  const lower = value.toLowerCase();
  if (allowed.includes(lower)) return lower;
  throw parameterError(name, `must be ${allowed.join(', ')}.${why}`);
}

/** Pure. The count of a parameter, from 1; else a ConfigurationError. */
export function countOf(name: string, value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw parameterError(name, 'must be a whole number from 1.');
}

/** Pure. The refusal of one parameter, without its value. */
export function parameterError(name: string, problem: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `In the database address, '${name}' ${problem}`,
    { parameters: { key: 'database', parameter: name }, ...(cause === undefined ? {} : { cause }) },
  );
}
