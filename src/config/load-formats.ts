import { resolve } from 'node:path';
import { ConfigurationError } from '../core/errors/errors.js';
import type { Format } from '../delivery/formats/format.js';
import { defineFormats, formats, isFormat, type Formats } from '../delivery/formats/formats.js';
import { importModule } from './import-module.js';

/**
 * Resolves with the built-in formats and those that the modules export, by name. Rejects with
 * ConfigurationError CONFIG_VALUE_INVALID for a module that cannot be loaded or exports none.
 *
 * @param paths relative to the working directory
 */
export async function loadFormats(paths: readonly string[] = []): Promise<Formats> {
  if (paths.length === 0) return formats;
  const own = await Promise.all(paths.map(exportedFormats));
  return defineFormats(own.flat());
}

async function exportedFormats(path: string): Promise<readonly Format[]> {
  let exported: Record<string, unknown>;
  try {
    exported = await importModule(resolve(path));
  } catch (cause) {
    const because = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
    throw invalid(path, `cannot be loaded: ${because?.replace(/\.$/u, '')}`, cause);
  }
  const found = [...new Set(Object.values(exported))].filter(isFormat);
  if (found.length > 0) return found;
  throw invalid(path, 'exports no format: a name, encode, encodeText and decode');
}

function invalid(path: string, problem: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `'formats': ${path} ${problem}.`, {
    parameters: { key: 'formats', path },
    cause,
  });
}
