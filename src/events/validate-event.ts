import { Compile } from 'typebox/schema';
import { RefusedError } from '../errors/errors.js';
import { categories, type Category } from './category.js';
import type { SignalboxEvent } from './event.js';
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

/** One error of TypeBox, as far as it is told on. */
interface SchemaFault {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

function firstFault(faults: readonly SchemaFault[]): {
  readonly property: string;
  readonly problem: string;
} {
  const fault = faults[0];
  if (fault === undefined) {
    return { property: '', problem: 'does not satisfy its schema' };
  }
  const path = fault.instancePath.split('/').slice(1);
  if (fault.keyword === 'required') {
    const { requiredProperties = [] } = fault.params as {
      readonly requiredProperties?: readonly string[];
    };
    return {
      property: [...path, ...requiredProperties.slice(0, 1)].join('.'),
      problem: 'is missing',
    };
  }
  return { property: path.join('.'), problem: fault.message };
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
