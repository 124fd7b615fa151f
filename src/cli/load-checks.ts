import { builtInChecks } from '../../machines/checks.js';
import { defineCheck, type LifecycleCheck } from '../tools/check/define-check.js';
import { readDeclarations } from '../tools/check/read-declarations.js';
import { ConfigurationError } from '../core/errors/errors.js';
import type { EventTypes } from '../core/events/event-types.js';
import { effects } from '../core/lifecycle/effects.js';
import { isLifecycle, loadExports, named, namedFile, onlyOne } from './load-lifecycle.js';
import { isMachineJson, lifecycleOfMachine } from './read-machine-json.js';
import { refusedLifecycle, type RefusedLifecycle } from './refused-lifecycle.js';
import { readText } from './read-text.js';

/** A lifecycle to check and the file it comes from. */
export interface LoadedCheck {
  /** The check, or the faults for which `defineLifecycle` refuses the lifecycle. */
  readonly check: LifecycleCheck | RefusedLifecycle;
  /** As it was given; absent for a built-in one. */
  readonly file?: string;
  readonly source?: string;
}

/**
 * Finds what to check: a built-in resource by its name, a file that exports lifecycles or what
 * `defineCheck` returns, `Volume=<file>` for one of them, or a JSON file of declarations. Where the check names no event types, those that
 * the file exports are known. Throws ConfigurationError ARGUMENT_INVALID.
 */
export async function loadChecks(nameOrPath: string): Promise<readonly LoadedCheck[]> {
  const builtIn = builtInChecks.find(({ lifecycle }) => lifecycle.resource === nameOrPath);
  if (builtIn !== undefined) return [{ check: builtIn }];
  const { resource, file } = namedFile(nameOrPath);
  if (file.endsWith('.json')) {
    const source = await readText(file);
    const value = parseJson(source, file);
    const checks = isMachineJson(value)
      ? [defineCheck(lifecycleOfMachine(value, file))]
      : readDeclarations(value);
    return checks.map((check) => ({ check, file, source }));
  }
  let exported: readonly unknown[];
  try {
    exported = await loadExports(file);
  } catch (error) {
    const refused = refusedLifecycle(error);
    if (refused === undefined) throw error;
    return [{ check: refused, file, source: await readText(file) }];
  }
  const source = await readText(file);
  const checks = exported.filter(isCheck);
  const covered = new Set<unknown>(checks.map(({ lifecycle }) => lifecycle));
  const plain = exported.filter(isLifecycle).filter((lifecycle) => !covered.has(lifecycle));
  const all = [...checks, ...plain.map((lifecycle) => defineCheck(lifecycle))].map((one) => ({
    check: one,
    resource: one.lifecycle.resource,
  }));
  if (all.length === 0) onlyOne(all, file);
  const wanted = resource === undefined ? all : [named(all, resource, file)];
  const eventTypes = exported.filter(isEventTypes);
  return wanted.map(({ check }) => ({
    check: eventTypes.length === 0 ? check : { eventTypes: anyOf(eventTypes), ...check },
    file,
    source,
  }));
}

/** The union of several sets of event types. */
function anyOf(several: readonly EventTypes[]): EventTypes {
  return {
    effects,
    has: (category, type) => several.some((each) => each.has(category, type)),
    names: (category) => [...new Set(several.flatMap((each) => each.names(category)))],
    privateFields: (type) => [...new Set(several.flatMap((each) => each.privateFields(type)))],
  };
}

/** Whether a value was made by `defineEventTypes`, of this or another copy of the package. */
function isEventTypes(value: unknown): value is EventTypes {
  if (typeof value !== 'object' || value === null) return false;
  const { has, names } = value as { readonly [K in keyof EventTypes]?: unknown };
  return typeof has === 'function' && typeof names === 'function';
}

function isCheck(value: unknown): value is LifecycleCheck {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    value.kind === 'LifecycleCheck'
  );
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ConfigurationError('ARGUMENT_INVALID', `${path} is not valid JSON.`, {
      parameters: { file: path },
      cause,
    });
  }
}
