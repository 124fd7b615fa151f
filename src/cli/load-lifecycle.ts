import { access } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { machines } from '../../machines/index.js';
import { importModule } from '../config/import-module.js';
import { ConfigurationError, SignalboxError } from '../errors/errors.js';
import type { AnyLifecycle } from '../lifecycle/lifecycle.js';
import { nearestName } from '../errors/nearest-name.js';

/**
 * Finds a lifecycle by the name of a built-in resource, or by the path of a file that exports one
 * lifecycle. Throws ConfigurationError ARGUMENT_INVALID that says what was looked for.
 */
export async function loadLifecycle(nameOrPath: string): Promise<AnyLifecycle> {
  const builtIn = machines.find((machine) => machine.resource === nameOrPath);
  if (builtIn !== undefined) {
    return builtIn;
  }
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
  const exported = Object.values(await importFile(path)).filter(isLifecycle);
  const distinct = [...new Set(exported)];
  if (distinct.length !== 1 || distinct[0] === undefined) {
    throw invalid(
      nameOrPath,
      distinct.length === 0
        ? `${basename(path)} exports no lifecycle. Export what defineLifecycle() returns.`
        : `${basename(path)} exports ${distinct.length} lifecycles (${distinct.map((one) => one.resource).join(', ')}). Give a file that exports one.`,
    );
  }
  return distinct[0];
}

async function importFile(path: string): Promise<Record<string, unknown>> {
  try {
    return await importModule(path);
  } catch (cause) {
    // A DefinitionError from the user's own copy of this package is another class of the same name.
    if (cause instanceof SignalboxError) throw cause;
    const because = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError(
      'ARGUMENT_INVALID',
      `${basename(path)} cannot be loaded: ${because}`,
      {
        parameters: { file: basename(path) },
        cause,
      },
    );
  }
}

function isLifecycle(value: unknown): value is AnyLifecycle {
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
