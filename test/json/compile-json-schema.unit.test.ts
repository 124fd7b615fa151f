import fc from 'fast-check';
import { Compile } from 'typebox/schema';
import { describe, expect, it } from 'vitest';
import { categories } from '../../src/events/category.js';
import { eventSchemas } from '../../src/events/schemas.js';
import { compileJsonSchema } from '../../src/json/compile-json-schema.js';
import { sampleEvents } from '../events/sample-events.js';

const values = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
  fc.constantFrom('1.0', 'Started', 'SUCCEEDED', 'submit', 101, -1, 2 ** 31),
);

describe('the compiled check of a schema', () => {
  it.each(categories)('agrees with TypeBox on every damaged %s', (category) => {
    const schema = eventSchemas[category];
    const check = compileJsonSchema(schema);
    const oracle = Compile(structuredClone(schema) as object);
    const sample = sampleEvents.find((event) => event.category === category);
    const paths = [
      ...Object.keys(schema.properties ?? {}).map((name) => [name]),
      ...Object.keys(schema.properties?.['data']?.properties ?? {}).map((name) => ['data', name]),
    ];
    let refused = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...paths),
        fc.option(values),
        fc.boolean(),
        (path, value, drop) => {
          const damaged = structuredClone(sample) as unknown as Record<string, unknown>;
          const name = path.at(-1) as string;
          const target = (path.length === 2 ? damaged['data'] : damaged) as Record<string, unknown>;
          if (drop) delete target[name];
          else target[name] = value;
          const accepted = check(damaged) === undefined;
          if (!accepted) refused += 1;
          expect(accepted).toBe(oracle.Check(damaged));
        },
      ),
      { numRuns: 1000 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  it('names the property and what it must be', () => {
    const check = compileJsonSchema({
      type: 'object',
      required: ['a'],
      properties: { a: { type: 'object', properties: { b: { type: ['string', 'null'] } } } },
    });
    expect(check({})).toEqual({ path: 'a', problem: 'is missing' });
    expect(check({ a: { b: 1 } })).toEqual({ path: 'a.b', problem: 'must be a string or null' });
    expect(check({ a: { b: null, c: 1 } })).toBeUndefined();
    expect(check([])).toEqual({ path: '', problem: 'must be an object' });
  });
});
