import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '../core/errors/errors.js';

/** The text of a file. Rejects with ConfigurationError ARGUMENT_INVALID that names it as it was given. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code: unknown = Reflect.get(Object(cause) as object, 'code');
    throw new ConfigurationError(
      'ARGUMENT_INVALID',
      code === 'ENOENT' ? `There is no file ${file}.` : `${file} cannot be read (${String(code)}).`,
      { parameters: { file }, cause },
    );
  }
}
