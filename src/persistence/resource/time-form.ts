import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { ColumnFacts } from './column-types.js';

/** How a property holds a point in time. */
export type TimeForm = 'date' | 'number' | 'text';

const sample = '2026-01-02T03:04:05.678Z';
const forms: readonly TimeForm[] = ['date', 'number', 'text'];

/** A point in time in a form. Pure. */
export function timeInForm(form: TimeForm, time: string): Date | number | string {
  return form === 'date' ? new Date(time) : form === 'number' ? Date.parse(time) : time;
}

/** Milliseconds of a point in time in any form; NaN where it is none. Pure. */
export function instantOf(value: unknown): number {
  if (value instanceof Date || typeof value === 'number') return Number(value);
  const text = String(value);
  return /^\d{1,16}$/.test(text) ? Number(text) : Date.parse(text);
}

/**
 * How the property of a column holds a point in time: the form that the column takes, and gives back with
 * its milliseconds. Undefined where there is none. Transformers are asked.
 */
export function timeFormOf(column: ColumnMetadata, facts: ColumnFacts): TimeForm | undefined {
  const { driver } = column.entityMetadata.dataSource;
  return forms.find((form) => {
    const value = timeInForm(form, sample);
    try {
      const stored: unknown = driver.preparePersistentValue(value, column);
      if (!takes(facts, stored)) return false;
      const read: unknown = driver.prepareHydratedValue(stored, column);
      return sameKind(read, value) && instantOf(read) === instantOf(value);
    } catch {
      return false;
    }
  });
}

function takes({ family, length, big }: ColumnFacts, stored: unknown): boolean {
  switch (family) {
    case 'text':
      return typeof stored === 'string' && stored.length <= (length ?? Infinity);
    case 'integer':
      return big && Number.isSafeInteger(Number(stored)) && !(stored instanceof Date);
    case 'time':
      return stored instanceof Date || typeof stored === 'string';
    case 'enum':
    case 'uuid':
    case 'other':
      return false;
  }
}

function sameKind(one: unknown, other: unknown): boolean {
  return one instanceof Date === other instanceof Date && typeof one === typeof other;
}
