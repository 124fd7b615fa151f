import type { JsonSchema, JsonTypeName } from '../../core/json/json-schema.js';

/** Pure. A schema as a TypeScript type. Of a pattern or a bound nothing is left: types have none. */
export function schemaType(schema: JsonSchema, indent = ''): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(' | ');
  if (schema.items !== undefined) return `readonly (${schemaType(schema.items, indent)})[]`;
  if (schema.properties !== undefined) return objectType(schema, indent);
  if (schema.type === undefined) return 'unknown';
  const names = typeof schema.type === 'string' ? [schema.type] : schema.type;
  return [...new Set(names.map((name) => typeNames[name]))].join(' | ');
}

const typeNames: Readonly<Record<JsonTypeName, string>> = {
  string: 'string',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
  null: 'null',
  array: 'readonly unknown[]',
  object: '{ readonly [name: string]: unknown }',
};

function objectType({ properties = {}, required = [] }: JsonSchema, indent: string): string {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).flatMap(([name, schema]) => [
    ...comment(schema.description, inner),
    `${inner}readonly ${propertyName(name)}${required.includes(name) ? '' : '?'}: ${schemaType(schema, inner)};`,
  ]);
  return ['{', ...lines, `${indent}}`].join('\n');
}

/** Pure. The lines of a documentation comment; none for no text. */
export function comment(text: string | undefined, indent = ''): readonly string[] {
  return text === undefined ? [] : [`${indent}/** ${oneLine(text).replaceAll('*/', '*\\/')} */`];
}

/** Pure. */
export function propertyName(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
