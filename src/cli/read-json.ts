import { ConfigurationError } from '../core/errors/errors.js';
import { readText } from './read-text.js';

/** Reads a JSON file. Rejects with ConfigurationError ARGUMENT_INVALID that names the file. */
export async function readJson(file: string): Promise<unknown> {
  const text = await readText(file);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ConfigurationError('ARGUMENT_INVALID', `${file} is not JSON.`, {
      parameters: { file },
      cause,
    });
  }
}
