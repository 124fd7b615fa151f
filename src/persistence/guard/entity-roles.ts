import { readAutomatic } from './automatic-columns.js';
import type { BoundColumn, ColumnRole, ResourceBinding } from '../resource/binding.js';
import { instantOf } from '../resource/time-form.js';
import { tenancyOf } from './column-values.js';
import { stateOfEntity, stateProperty, writeState } from './state-columns.js';
import type { Tenancy } from '../../core/planning/event-context.js';

/** The columns that only a transition writes. */
export const guardedRoles = [
  'uuid',
  'state',
  'revision',
  'stateSince',
  'lifecycleVersion',
  'remembered',
] as const;

export type GuardedRole = (typeof guardedRoles)[number];

/** The values of the guarded columns of one entity at one time; absent columns are left out. */
export type GuardedValues = Readonly<Partial<Record<GuardedRole, unknown>>> & {
  /** The date of the soft removal. */
  readonly hidden?: unknown;
  /** Columns that TypeORM writes itself at each save. */
  readonly automatic?: readonly unknown[];
};

/** The value of a role's property; undefined where the entity has no such column or value. */
export function readRole(binding: ResourceBinding, entity: object, role: ColumnRole): unknown {
  return role === 'state'
    ? stateOfEntity(binding, entity)
    : binding.columns[role]?.metadata.getEntityValue(entity);
}

/** Sets a role's property; does nothing where the entity has no such column. */
export function writeRole(
  binding: ResourceBinding,
  entity: object,
  role: ColumnRole,
  value: unknown,
): void {
  if (role === 'state') writeState(binding, entity, value);
  else binding.columns[role]?.metadata.setEntityValue(entity, value);
}

/** The guarded values of an entity as it is now. */
export function readGuarded(binding: ResourceBinding, entity: object): GuardedValues {
  return {
    ...Object.fromEntries(guardedRoles.map((role) => [role, readRole(binding, entity, role)])),
    hidden: readHidden(binding, entity),
    automatic: readAutomatic(binding, entity),
  };
}

/** The date of the soft removal; null or undefined where there is none. */
export function readHidden({ metadata }: ResourceBinding, entity: object): unknown {
  return metadata.deleteDateColumn?.getEntityValue(entity) as unknown;
}

/** Sets the date of the soft removal; does nothing where the entity has no such column. */
export function writeHidden({ metadata }: ResourceBinding, entity: object, value: unknown): void {
  metadata.deleteDateColumn?.setEntityValue(entity, value);
}

/** Whether two dates of a soft removal are the same. */
export function sameHidden(one: unknown, other: unknown): boolean {
  return one == null || other == null
    ? (one ?? null) === (other ?? null)
    : Number(new Date(one as string)) === Number(new Date(other as string));
}

/** Sets the guarded properties of an entity that `values` has. */
export function writeGuarded(
  binding: ResourceBinding,
  entity: object,
  values: GuardedValues,
): void {
  for (const role of guardedRoles) {
    if (role in values) {
      writeRole(binding, entity, role, values[role]);
    }
  }
}

/** Whether two values of a guarded column mean the same: drivers give numbers as text, times as Dates. */
export function sameValue(role: GuardedRole, one: unknown, other: unknown): boolean {
  if (one == null || other == null) {
    return one === other;
  }
  switch (role) {
    case 'revision':
    case 'lifecycleVersion':
      return Number(one) === Number(other);
    case 'stateSince':
      return instantOf(one) === instantOf(other) || one === other;
    case 'uuid':
      return String(one as string).toLowerCase() === String(other as string).toLowerCase();
    case 'state':
    case 'remembered':
      return one === other;
  }
}

/** A revision as its property holds it: text where the driver gives big integers as text. */
export function revisionProperty(binding: ResourceBinding, entity: object, value: number): unknown {
  return typeof readRole(binding, entity, 'revision') === 'string' ? String(value) : value;
}

/** Returns the owner of an entity. */
export function entityTenancy(binding: ResourceBinding, entity: object): Tenancy {
  return tenancyOf((role) => readRole(binding, entity, role));
}

/** The columns of a binding that only a transition writes. */
export function guardedColumns(binding: ResourceBinding): readonly BoundColumn[] {
  return guardedRoles.flatMap((role) =>
    role === 'state' ? binding.state.columns : (binding.columns[role] ?? []),
  );
}

/** The properties of a role, for messages. */
export function propertyOf(binding: ResourceBinding, role: GuardedRole): string {
  return role === 'state' ? stateProperty(binding) : (binding.columns[role]?.property ?? role);
}
