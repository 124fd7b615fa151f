import { access } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { machines } from '../../machines/index.js';
import { importModule } from '../config/import-module.js';
import { ConfigurationError, SignalboxError } from '../core/errors/errors.js';
import type { AnyLifecycle } from '../core/lifecycle/lifecycle.js';
import { nearestName } from '../core/errors/nearest-name.js';
import { messageOf } from '../core/errors/to-error.js';

/**
 * Finds a lifecycle by the name of a built-in resource, or by the path of a file that exports one
 * lifecycle. Throws ConfigurationError ARGUMENT_INVALID that says what was looked for.
 */
export async function loadLifecycle(nameOrPath: string): Promise<AnyLifecycle> {
  const builtIn = machines.find((machine) => machine.resource === nameOrPath);
  if (builtIn !== undefined) {
    return builtIn;
  }
  const exported = (await loadExports(nameOrPath)).filter(isLifecycle);
  return onlyOne(exported, nameOrPath);
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
      : `${basename(nameOrPath)} exports ${exported.length} lifecycles (${exported.map((one) => one.resource).join(', ')}). Give a file that exports one.`,
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
