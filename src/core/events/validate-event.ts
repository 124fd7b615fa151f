import { Compile } from 'typebox/schema';
import { RefusedError } from '../errors/errors.js';
import { categories, type Category } from './category.js';
import type { SignalboxEvent } from './event.js';
import { firstFault } from './schema-fault.js';
import { eventSchemas } from './schemas.js';

const checks = new Map<Category, ReturnType<typeof Compile>>();

/**
 * Pure. Returns `value` as the event it is. Throws RefusedError EVENT_INVALID, naming the property,
 * when it does not satisfy the schema of its category. Properties that the schema does not name are
 * allowed: a consumer of today reads the event of tomorrow.
 *
 * Loading this module loads TypeBox's compiler, which takes a quarter as long as TypeORM: import it
 * where an event is checked, not where a process starts.
 */
export function validateEvent(value: unknown): SignalboxEvent {
  const category = (value as { readonly category?: unknown } | null | undefined)?.category;
  if (!isCategory(category)) {
    throw invalid('category', `must be one of ${categories.join(', ')}`);
  }
  let check = checks.get(category);
  if (check === undefined) {
    check = Compile(eventSchemas[category]);
    checks.set(category, check);
  }
  if (!check.Check(value)) {
    const [, faults] = check.Errors(value);
    const { property, problem } = firstFault(faults);
    throw invalid(property, problem, category);
  }
  return value as SignalboxEvent;
}

function isCategory(value: unknown): value is Category {
  return (categories as readonly unknown[]).includes(value);
}

function invalid(property: string, problem: string, category?: Category): RefusedError {
  const subject = category === undefined ? 'The event' : `The ${category}`;
  return RefusedError.of('EVENT_INVALID', `${subject} is not valid: ${property} ${problem}.`, {
    property,
    problem,
    ...(category === undefined ? {} : { category }),
  });
}
