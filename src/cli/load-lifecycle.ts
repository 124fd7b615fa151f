import { access } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { machines } from '../../machines/index.js';
import { importModule } from '../config/import-module.js';
import { ConfigurationError, SignalboxError } from '../core/errors/errors.js';
import type { AnyLifecycle } from '../core/lifecycle/lifecycle.js';
import { lifecycleOf } from '../core/lifecycle/read-description.js';
import { isDescription } from './is-description.js';
import { readJson } from './read-json.js';
import { isMachineJson, lifecycleOfMachine } from './read-machine-json.js';
import { nearestName } from '../core/errors/nearest-name.js';
import { messageOf } from '../core/errors/to-error.js';

/**
 * Finds a lifecycle: by the name of a built-in resource; by the path of a file that exports one, or of JSON
 * as `signalbox machine --format json`, `signalbox diagram --format json` or Stately writes it; or as
 * `Volume=<file>`, by its resource among those of a file. Throws ConfigurationError ARGUMENT_INVALID that
 * says what was looked for.
 */
export async function loadLifecycle(nameOrPath: string): Promise<AnyLifecycle> {
  return onlyOne(await loadLifecycles(nameOrPath), nameOrPath);
}

/** The same, but all of the lifecycles that a file exports where none is named. */
export async function loadLifecycles(nameOrPath: string): Promise<readonly AnyLifecycle[]> {
  const builtIn = machines.find((machine) => machine.resource === nameOrPath);
  if (builtIn !== undefined) return [builtIn];
  const { resource, file } = namedFile(nameOrPath);
  const all = file.endsWith('.json')
    ? [await lifecycleOfJson(file)]
    : (await loadExports(file)).filter(isLifecycle);
  if (all.length === 0) return [onlyOne(all, file)];
  return resource === undefined ? all : [named(all, resource, file)];
}

/** `Volume=next/volume.ts`, or the path of a file. */
export function namedFile(text: string): {
  readonly resource?: string | undefined;
  readonly file: string;
} {
  const [, resource, file] = /^([^=/\\]+)=(.+)$/.exec(text) ?? [];
  return file === undefined ? { file: text } : { resource, file };
}

/** The one of a resource. Throws ConfigurationError that names the others. */
export function named<T extends { readonly resource: string }>(
  all: readonly T[],
  resource: string,
  file: string,
): T {
  const found = all.find((one) => one.resource === resource);
  if (found !== undefined) return found;
  throw invalid(
    file,
    `${basename(file)} declares ${all.map((one) => one.resource).join(', ')}, not ${resource}.`,
  );
}

async function lifecycleOfJson(file: string): Promise<AnyLifecycle> {
  const value = await readJson(file);
  if (isDescription(value)) return lifecycleOf(value);
  if (isMachineJson(value)) return lifecycleOfMachine(value, file);
  throw invalid(
    file,
    `${file} does not hold a lifecycle. Write one with \`signalbox machine <lifecycle> --format json\`, or export the JSON of a machine from Stately.`,
  );
}

/**
 * Imports a file and resolves with what it exports, each value once. Throws ConfigurationError
 * ARGUMENT_INVALID that tells a misspelt built-in name, a missing file and one that cannot be loaded.
 */
export async function loadExports(nameOrPath: string): Promise<readonly unknown[]> {
  if (!/[./\\]/.test(nameOrPath)) {
    const names = machines.map((machine) => machine.resource);
    const suggestion = nearestName(nameOrPath, names);
    throw invalid(
      nameOrPath,
      `There is no built-in lifecycle '${nameOrPath}'. ` +
        (suggestion === undefined ? '' : `Did you mean '${suggestion}'? `) +
        `There are ${names.join(', ')}; or give the path of a file.`,
    );
  }
  const path = resolve(nameOrPath);
  if (!(await isReadable(path))) {
    throw invalid(nameOrPath, `There is no file ${nameOrPath}.`);
  }
  return [...new Set(Object.values(await importFile(path)))];
}

/** The only one of what a file exports. Throws ConfigurationError when there are none or several. */
export function onlyOne<T extends { readonly resource: string }>(
  exported: readonly T[],
  nameOrPath: string,
): T {
  const [first, ...others] = exported;
  if (first !== undefined && others.length === 0) return first;
  throw invalid(
    nameOrPath,
    first === undefined
      ? `${basename(nameOrPath)} exports no lifecycle. Export what defineLifecycle() returns.`
      : `${basename(nameOrPath)} exports ${exported.length} lifecycles (${exported.map((one) => one.resource).join(', ')}). Name one of them, as in ${exported[0]?.resource ?? ''}=${nameOrPath}.`,
  );
}

async function importFile(path: string): Promise<Record<string, unknown>> {
  try {
    return await importModule(path);
  } catch (cause) {
    // A DefinitionError from the user's own copy of this package is another class of the same name.
    if (cause instanceof SignalboxError) throw cause;
    const because = messageOf(cause)
      // Node's list of who asked for a module that is not there; --debug shows it.
      .replace(/\nRequire stack:[\s\S]*/u, '')
      .replaceAll(/\s+/gu, ' ')
      .trim();
    throw new ConfigurationError(
      'ARGUMENT_INVALID',
      `${basename(path)} cannot be loaded: ${because}${/[.!?]$/u.test(because) ? '' : '.'} Mend the file; --debug shows where it failed.`,
      {
        parameters: { file: basename(path) },
        cause,
      },
    );
  }
}

/** Whether a value was made by `defineLifecycle`, of this or another copy of the package. */
export function isLifecycle(value: unknown): value is AnyLifecycle {
  return (
    typeof value === 'object' &&
    value !== null &&
    'resource' in value &&
    'table' in value &&
    'transitions' in value
  );
}

async function isReadable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function invalid(name: string, message: string): ConfigurationError {
  return new ConfigurationError('ARGUMENT_INVALID', message, { parameters: { lifecycle: name } });
}
