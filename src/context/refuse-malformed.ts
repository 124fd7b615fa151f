import { RefusedError } from '../core/errors/errors.js';
import { nearestName } from '../core/errors/nearest-name.js';

/**
 * Refuses what is no text where events take text only. Types tell callers at compile time; from
 * JavaScript, or with a request's body passed through, an event would be committed that every consumer
 * takes for malformed. Absent values pass. Throws RefusedError EVENT_INVALID.
 */
export function refuseNonText(values: Readonly<Record<string, unknown>>): void {
  for (const property of Object.keys(values)) {
    const value = values[property];
    if (value != null && typeof value !== 'string') {
      throw invalid(
        property,
        `must be a text, not ${Array.isArray(value) ? 'a list' : `of type ${typeof value}`}`,
      );
    }
  }
}

/**
 * Refuses options that do not exist: a misspelt `expectedRevision` from JavaScript would silently give
 * up the comparison it asks for. Throws RefusedError OPTION_UNKNOWN that names the nearest one.
 */
export function refuseUnknownOptions(options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const suggestion = nearestName(key, known);
    throw RefusedError.of(
      'OPTION_UNKNOWN',
      `There is no option '${key}'. ` +
        (suggestion === undefined
          ? `Options are ${known.join(', ')}.`
          : `Did you mean '${suggestion}'?`),
      { option: key, suggestion: suggestion ?? null },
    );
  }
}

/** Refuses a revision that no row can have. Throws RefusedError EVENT_INVALID. */
export function refuseNonRevision(property: string, value: unknown): void {
  if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) >= 0)) {
    throw invalid(
      property,
      'must be a whole number from 0, as transition() and the entity tell it',
    );
  }
}

function invalid(property: string, fault: string): RefusedError {
  return RefusedError.of('EVENT_INVALID', `'${property}' ${fault}.`, { property });
}
