import type { JsonSchema, JsonTypeName } from './json-schema.js';

/** The first property of a value that breaks its schema. */
export interface SchemaFault {
  /** Such as `data.old`; the empty string for the value itself. */
  readonly path: string;
  /** What the schema wants, such as `must be a string`. */
  readonly problem: string;
}

/** Pure. Undefined when the value satisfies the schema, else the first fault. */
export type SchemaCheck = (value: unknown, path?: string) => SchemaFault | undefined;

/**
 * Pure. Compiles a schema once into closures; the check then costs well under a microsecond for each
 * property. No code is generated, so it works under a content security policy.
 *
 * TypeBox does the same for the whole of JSON Schema, at 70 ms to load; it is the oracle of the tests.
 */
export function compileJsonSchema(schema: JsonSchema): SchemaCheck {
  const checks: SchemaCheck[] = [];
  if (schema.const !== undefined) checks.push(checkConst(schema.const));
  if (schema.enum !== undefined) checks.push(checkEnum(schema.enum));
  if (schema.type !== undefined) checks.push(checkType(schema.type));
  const text = checkText(schema);
  if (text !== undefined) checks.push(text);
  const range = checkRange(schema);
  if (range !== undefined) checks.push(range);
  if (schema.properties !== undefined || schema.required !== undefined) {
    checks.push(checkProperties(schema));
  }
  if (checks.length === 1) return checks[0] as SchemaCheck;
  return (value, path = '') => {
    for (const check of checks) {
      const fault = check(value, path);
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
}

function checkConst(expected: string): SchemaCheck {
  return (value, path = '') =>
    value === expected ? undefined : { path, problem: `must be ${JSON.stringify(expected)}` };
}

function checkEnum(allowed: readonly string[]): SchemaCheck {
  const set = new Set<unknown>(allowed);
  return (value, path = '') =>
    set.has(value) ? undefined : { path, problem: `must be one of ${allowed.join(', ')}` };
}

function checkType(type: JsonTypeName | readonly JsonTypeName[]): SchemaCheck {
  const names = typeof type === 'string' ? [type] : type;
  const problem = `must be ${names.map((name) => typeLabels[name]).join(' or ')}`;
  return (value, path = '') =>
    names.some((name) => isOfType(value, name)) ? undefined : { path, problem };
}

const typeLabels: Readonly<Record<JsonTypeName, string>> = {
  string: 'a string',
  number: 'a number',
  integer: 'an integer',
  boolean: 'a boolean',
  null: 'null',
  object: 'an object',
};

function isOfType(value: unknown, name: JsonTypeName): boolean {
  switch (name) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'object':
      return isObject(value);
    default:
      return typeof value === name;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// As JSON Schema has it, each group of keywords applies to values of its own type only.
function checkText(schema: JsonSchema): SchemaCheck | undefined {
  const { minLength, maxLength } = schema;
  const pattern = schema.pattern === undefined ? undefined : new RegExp(schema.pattern, 'u');
  if (minLength === undefined && maxLength === undefined && pattern === undefined) return undefined;
  return (value, path = '') => {
    if (typeof value !== 'string') return undefined;
    if (minLength !== undefined && value.length < minLength) {
      return {
        path,
        problem: minLength === 1 ? 'must not be empty' : `must have ${minLength} characters`,
      };
    }
    if (maxLength !== undefined && value.length > maxLength) {
      return { path, problem: `must have at most ${maxLength} characters` };
    }
    if (pattern !== undefined && !pattern.test(value)) {
      return { path, problem: `must match ${pattern.source}` };
    }
    return undefined;
  };
}

function checkRange({ minimum, maximum }: JsonSchema): SchemaCheck | undefined {
  if (minimum === undefined && maximum === undefined) return undefined;
  return (value, path = '') => {
    if (typeof value !== 'number') return undefined;
    if (minimum !== undefined && value < minimum)
      return { path, problem: `must be ${minimum} or more` };
    if (maximum !== undefined && value > maximum)
      return { path, problem: `must be ${maximum} or less` };
    return undefined;
  };
}

function checkProperties({ properties = {}, required = [] }: JsonSchema): SchemaCheck {
  const checks = Object.entries(properties).map(
    ([name, schema]) => [name, compileJsonSchema(schema)] as const,
  );
  return (value, path = '') => {
    if (!isObject(value)) return undefined;
    for (const name of required) {
      if (!Object.hasOwn(value, name)) return { path: join(path, name), problem: 'is missing' };
    }
    for (const [name, check] of checks) {
      if (!Object.hasOwn(value, name)) continue;
      const fault = check(value[name], join(path, name));
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
