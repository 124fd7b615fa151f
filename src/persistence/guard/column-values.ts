import { propertyValue } from './driver-values.js';
import type { BoundColumn, ResourceBinding } from '../resource/binding.js';
import { timeInForm } from '../resource/time-form.js';
import type { LockedRow } from '../../core/planning/plan.js';
import { stateNames, stateOfValues } from './state-columns.js';
import type { Remembered } from '../../core/lifecycle/remembered.js';
import type { Tenancy } from '../../core/planning/event-context.js';

/**
 * A point in time as the property holds it: a Date, milliseconds, or RFC 3339 text.
 *
 * @param time RFC 3339, UTC, milliseconds.
 */
export function timeProperty(
  { time: form = 'text' }: BoundColumn,
  time: string,
): Date | number | string {
  return timeInForm(form, time);
}

/** The columns that `lockedRow` reads, quoted, each with the name it is selected under. */
export function lockedSelection(
  binding: ResourceBinding,
): readonly { readonly sql: string; readonly name: string }[] {
  return lockedRoles.flatMap((role) => {
    if (role === 'state') {
      const names = stateNames(binding);
      return binding.state.columns.map(({ sql }, index) => ({ sql, name: names[index] as string }));
    }
    const column = binding.columns[role];
    return column === undefined ? [] : [{ sql: column.sql, name: `signalbox_${role}` }];
  });
}

/** Quoted `SELECT` columns that `lockedRow` reads, each under its role. */
export function lockedColumns(binding: ResourceBinding): string {
  return lockedSelection(binding)
    .map(({ sql, name }) => `${sql} AS ${name}`)
    .join(', ');
}

/** Reads what `SELECT ${lockedColumns(binding)}` returned for one row. */
export function lockedRow(
  binding: ResourceBinding,
  raw: Readonly<Record<string, unknown>>,
): LockedRow {
  const read = (role: Exclude<(typeof lockedRoles)[number], 'state'>): unknown => {
    const column = binding.columns[role];
    return column === undefined ? undefined : propertyValue(column, raw[`signalbox_${role}`]);
  };
  const state = stateOfValues(
    binding,
    stateNames(binding).map((name) => raw[name]),
  );
  const revision = read('revision');
  const missing = state == null ? 'state' : revision == null ? 'revision' : undefined;
  return {
    uuid: String(read('uuid')).toLowerCase(),
    state: String(state as string),
    revision: Number(revision),
    tenancy: tenancyOf(read),
    ...(binding.columns.remembered === undefined
      ? {}
      : { remembered: rememberedText(read('remembered')) }),
    ...(missing === undefined ? {} : { missing }),
  };
}

/** Reads a property of the role `remembered`. */
export function rememberedText(value: unknown): Remembered {
  return value == null ? null : String(value as string);
}

/** Reads the owner of a resource by role. */
export function tenancyOf(read: (role: keyof Tenancy) => unknown): Tenancy {
  const owner = (role: keyof Tenancy): string | null => {
    const value = read(role);
    return value == null ? null : String(value as string | number);
  };
  return { account: owner('account'), domain: owner('domain'), project: owner('project') };
}

const lockedRoles = [
  'uuid',
  'state',
  'revision',
  'remembered',
  'account',
  'domain',
  'project',
] as const;
