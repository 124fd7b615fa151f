import type { Command } from 'commander';
import type { TenancyFilter } from '../core/events/event-filter.js';
import { tenancyKeys } from '../core/events/filter.js';
import { repeated } from './option-values.js';

/** Flags that select events by owner. */
export type OwnerFlags = { readonly [K in (typeof tenancyKeys)[number]]?: readonly string[] };

/** Adds `--account`, `--domain` and `--project`. */
export function withOwnerFlags(command: Command): Command {
  for (const key of tenancyKeys) {
    command.option(`--${key} <name>`, `only events of this ${key}; may be repeated`, repeated);
  }
  return command;
}

/** Pure. */
export function ownersOf(flags: OwnerFlags): TenancyFilter {
  return Object.fromEntries(
    tenancyKeys.flatMap((key) => (flags[key] === undefined ? [] : [[key, flags[key]]])),
  );
}
