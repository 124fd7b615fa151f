import { basename } from 'node:path';
import { setup } from 'xstate';
import { defineLifecycle } from '../core/lifecycle/define-lifecycle.js';
import { effects } from '../core/lifecycle/effects.js';
import type { AnyLifecycle } from '../core/lifecycle/lifecycle.js';
import { tell } from './tell.js';

type Config = Readonly<Record<string, unknown>>;

/** Whether parsed JSON is the configuration of an XState machine, as Stately and `diagram` write it. */
export function isMachineJson(value: unknown): value is Config {
  return (
    isRecord(value) && isRecord(value['states']) && Object.values(value['states']).every(isRecord)
  );
}

/**
 * Compiles the configuration of an XState machine to a lifecycle, for tools. Its guards hold; actions
 * other than `usage`, `alert` and `action` are left out, which is told. Throws DefinitionError.
 */
export function lifecycleOfMachine(config: Config, file: string): AnyLifecycle {
  const guards = new Set<string>();
  const ignored = new Set<string>();
  const machine = cleaned(config, guards, ignored) as Config;
  if (ignored.size > 0) {
    tell(`${file}: these actions announce nothing and are left out: ${[...ignored].join(', ')}`);
  }
  const { id, meta, version } = config;
  const creations = isRecord(meta) ? meta['creations'] : undefined;
  const named = typeof id === 'string' && id !== '' ? id : basename(file, '.json');
  const { resource = named } = isRecord(meta) ? (meta as { readonly resource?: string }) : {};
  return defineLifecycle({
    // A machine of Stately may have any title.
    resource: resource.replaceAll(/[^\p{L}\p{N}_-]/gu, ''),
    version: Math.max(1, Math.trunc(Number(version)) || 1),
    ...(Array.isArray(creations) ? { initialStates: creations as never[] } : {}),
    machine: () =>
      setup({
        actions: effects,
        guards: Object.fromEntries([...guards].map((guard) => [guard, () => true])),
      }).createMachine(machine as never),
  });
}

/** A copy whose guards are collected and whose unknown actions are left out. */
function cleaned(value: unknown, guards: Set<string>, ignored: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((each) => cleaned(each, guards, ignored));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key === 'guard') guards.add(nameOf(inner));
      if (key === 'actions' || key === 'entry' || key === 'exit') {
        return [key, known(inner, ignored)];
      }
      return [key, key === 'meta' ? undefined : cleaned(inner, guards, ignored)];
    }),
  );
}

function known(actions: unknown, ignored: Set<string>): readonly unknown[] {
  const list: readonly unknown[] = Array.isArray(actions) ? actions : [actions];
  return list.filter((action) => {
    const name = nameOf(action);
    if (Object.hasOwn(effects, name)) return true;
    ignored.add(name);
    return false;
  });
}

function nameOf(value: unknown): string {
  return String(isRecord(value) ? value['type'] : value);
}

function isRecord(value: unknown): value is Config {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
