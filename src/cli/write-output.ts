import { writeFile } from 'node:fs/promises';
import { ConfigurationError } from '../core/errors/errors.js';

/**
 * Writes a command's result to a file, or to the standard output when none is named. Throws
 * ConfigurationError ARGUMENT_INVALID when the file cannot be written.
 */
export async function writeOutput(
  text: string | Uint8Array,
  file: string | undefined,
): Promise<void> {
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    await writeFile(file, text);
  } catch (cause) {
    const because = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new ConfigurationError(
      'ARGUMENT_INVALID',
      `${file} cannot be written (${because}). Give the path of a file in a folder that exists.`,
      { parameters: { file }, cause },
    );
  }
}
