import { RefusedError } from '../../core/errors/errors.js';
import type { JsonValue } from '../../core/json/json.js';
import { parseJson } from '../../core/json/parse-json.js';

/** Returns the error of a format for a message that is no event: its reason goes with the dead letter. */
export function eventInvalid(format: string, property: string, problem: string): RefusedError {
  return RefusedError.of('EVENT_INVALID', `The message is no ${format}: ${property} ${problem}.`, {
    property,
    problem,
  });
}

/** Pure. The JSON value of a body. Throws RefusedError EVENT_INVALID with the reason of `parseJson`. */
export function parseBody(source: Uint8Array | string, format: string): JsonValue {
  try {
    return parseJson(source, 'body');
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    throw new RefusedError(
      [
        {
          code: 'EVENT_INVALID',
          message: `The message is no ${format}: ${error.message}`,
          parameters: { property: 'body', problem: error.message },
        },
      ],
      { cause: error },
    );
  }
}
