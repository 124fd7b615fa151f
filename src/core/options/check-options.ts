import { ConfigurationError, RefusedError, type ErrorParameters } from '../errors/errors.js';
import { nearestName } from '../errors/nearest-name.js';
import {
  misfitOf,
  options as optionsField,
  type Field,
  type Fields,
  type Misfit,
} from './fields.js';

/** The options of one constructor or call: its name for messages, and what each option takes. */
export interface OptionsSchema {
  readonly of: string;
  readonly fields: Readonly<Record<string, Field>>;
}

/** Names the schema of an options type. Pure. */
export function optionsOf<T>(of: string, fields: Fields<T>): OptionsSchema {
  return { of, fields };
}

/**
 * Checks the options of a constructor. Throws ConfigurationError CONFIG_KEY_UNKNOWN for one that does not
 * exist, with the nearest that does, and CONFIG_VALUE_INVALID for a value that does not fit. Absent and
 * undefined options pass, null does not. No text gets into a message: it may be a password. Pure.
 */
export function checkOptions({ of, fields }: OptionsSchema, given: unknown): void {
  const misfit = find(fields, given);
  if (misfit === undefined) return;
  const { code, message, parameters } = tell(of, misfit);
  throw new ConfigurationError(
    code === 'unknown' ? 'CONFIG_KEY_UNKNOWN' : 'CONFIG_VALUE_INVALID',
    message,
    { parameters },
  );
}

/** Checks the options of a call as `checkOptions` does, with RefusedError OPTION_UNKNOWN or OPTION_INVALID. */
export function checkCall({ of, fields }: OptionsSchema, given: unknown): void {
  const misfit = find(fields, given);
  if (misfit === undefined) return;
  const { code, message, parameters } = tell(of, misfit);
  throw RefusedError.of(
    code === 'unknown' ? 'OPTION_UNKNOWN' : 'OPTION_INVALID',
    message,
    parameters,
  );
}

function find(fields: OptionsSchema['fields'], given: unknown): Misfit | undefined {
  if (given === undefined) return misfitOf(fields, {});
  return optionsField(fields).misfit(given);
}

function tell(of: string, { path, takes, value, keys }: Misfit) {
  const key = path.replace(/^\./, '');
  if (keys !== undefined) {
    const suggestion = nearestName(key.replace(/^.*\./, ''), keys);
    const remedy =
      suggestion === undefined ? `Its options are ${keys.join(', ')}.` : `Did you mean '${suggestion}'?`; // prettier-ignore
    return {
      code: 'unknown',
      message: `${of} has no option '${key}'. ${remedy}`,
      parameters: { key, suggestion: suggestion ?? null } as ErrorParameters,
    } as const;
  }
  const what = key === '' ? `The options of ${of}` : `The option '${key}' of ${of}`;
  return {
    code: 'invalid',
    message: `${what} must be ${takes}; got ${kindOf(value)}.`,
    parameters: { key } as ErrorParameters,
  } as const;
}

/** Numbers as they are, of all else the kind. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'none';
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'another text';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
