import { RefusedError } from '../core/errors/errors.js';

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

function invalid(property: string, fault: string): RefusedError {
  return RefusedError.of('EVENT_INVALID', `'${property}' ${fault}.`, { property });
}
