import { describe, expect, it } from 'vitest';
import { machines, snapshot, volume } from '../../../machines/index.js';
import { asyncApi } from '../../../src/tools/catalog/async-api.js';
import {
  changeKinds,
  compareContracts,
  type ChangeKind,
} from '../../../src/tools/catalog/compare-contracts.js';
import { contractOf, readContract, type Contract } from '../../../src/tools/catalog/contract.js';
import { contractChangeText } from '../../../src/tools/catalog/contract-change-text.js';
import { createCatalog } from '../../../src/tools/catalog/create-catalog.js';
import { jsonSchemaDocument } from '../../../src/tools/catalog/json-schema-document.js';
import type { JsonSchema } from '../../../src/core/json/json-schema.js';
import { oddLifecycle } from './odd-lifecycle.js';

const catalog = createCatalog([...machines, oddLifecycle]);

const written = (document: object): unknown => JSON.parse(JSON.stringify(document));

it.each([
  ['AsyncAPI', asyncApi],
  ['JSON Schema', jsonSchemaDocument],
])('a catalog read back from %s is the same contract', (_, make) => {
  expect(compareContracts(readContract(written(make(catalog))), contractOf(catalog))).toEqual([]);
  expect(compareContracts(contractOf(catalog), readContract(written(make(catalog))))).toEqual([]);
});

function contract(schema: JsonSchema, address = 'a.b'): Contract {
  return new Map([['channel', { address, schema }]]);
}

const text: JsonSchema = { type: 'string' };
const withX = (x: JsonSchema, required: readonly string[] = []): JsonSchema => ({
  type: 'object',
  properties: { x },
  required,
});

describe.each<[ChangeKind, Contract, Contract, string?]>([
  ['channel-removed', contract(text), new Map()],
  ['channel-added', new Map(), contract(text)],
  ['address-changed', contract(text, 'a.b'), contract(text, 'a.c')],
  ['property-removed', contract(withX(text)), contract({ type: 'object' }), 'x'],
  ['property-added', contract({ type: 'object' }), contract(withX(text)), 'x'],
  ['property-retyped', contract(withX(text)), contract(withX({ type: 'number' })), 'x'],
  ['property-retyped', contract(withX(text)), contract(withX({ type: ['string', 'null'] })), 'x'],
  ['property-required', contract(withX(text)), contract(withX(text, ['x'])), 'x'],
  ['property-required', contract({ type: 'object' }), contract(withX(text, ['x'])), 'x'],
  ['property-optional', contract(withX(text, ['x'])), contract(withX(text)), 'x'],
  ['values-narrowed', contract(withX({ enum: ['a', 'b'] })), contract(withX({ enum: ['a'] })), 'x'],
  ['values-narrowed', contract(withX(text)), contract(withX({ ...text, enum: ['a'] })), 'x'],
  ['values-widened', contract(withX({ const: 'a' })), contract(withX({ enum: ['a', 'b'] })), 'x'],
  ['values-widened', contract(withX({ ...text, enum: ['a'] })), contract(withX(text)), 'x'],
  [
    'constraint-changed',
    contract(withX({ ...text, pattern: 'a' })),
    contract(withX({ ...text, pattern: 'b' })),
    'x',
  ],
  ['constraint-relaxed', contract(withX({ ...text, pattern: 'a' })), contract(withX(text)), 'x'],
  ['constraint-changed', contract(withX(text)), contract(withX({ ...text, minLength: 1 })), 'x'],
  [
    'constraint-relaxed',
    contract(withX({ ...text, minLength: 2 })),
    contract(withX({ ...text, minLength: 1 })),
    'x',
  ],
  ['constraint-changed', contract(withX({ maximum: 9 })), contract(withX({ maximum: 8 })), 'x'],
  ['constraint-relaxed', contract(withX({ maximum: 9 })), contract(withX({ maximum: 10 })), 'x'],
])('%s', (kind, old, next, property) => {
  it(`is told alone, and is ${changeKinds[kind].breaking ? 'breaking' : 'compatible'}`, () => {
    const changes = compareContracts(old, next);
    expect(changes).toMatchObject([{ kind, breaking: changeKinds[kind].breaking }]);
    expect(changes[0]?.property).toBe(property);
    expect(contractChangeText(changes)).toContain(kind);
  });
});

describe('of lifecycles', () => {
  it('one more is compatible, one less is breaking', () => {
    const less = contractOf(createCatalog([volume]));
    const more = contractOf(createCatalog([volume, snapshot]));
    const kinds = (changes: readonly { kind: string }[]) =>
      new Set(changes.map(({ kind }) => kind));
    expect(kinds(compareContracts(less, more))).toEqual(new Set(['channel-added']));
    expect(kinds(compareContracts(more, less))).toEqual(new Set(['channel-removed']));
  });
});

describe('bad input', () => {
  const one = written(asyncApi(createCatalog([snapshot]))) as Record<
    string,
    Record<string, object>
  >;
  it.each([
    ['nothing', null],
    ['a list', []],
    ['another document', { openapi: '3.0.0' }],
    ['channels that are no object', { asyncapi: '3.0.0', channels: 7 }],
    [
      'a reference to elsewhere',
      { $defs: { a: { 'x-address': 'a', allOf: [{ $ref: 'http://x/y' }] } } },
    ],
    [
      'a reference to nothing',
      { $defs: { a: { 'x-address': 'a', allOf: [{ $ref: '#/$defs/b' }] } } },
    ],
    ['a reference to itself', { $defs: { a: { 'x-address': 'a', $ref: '#/$defs/a' } } }],
    [
      'a schema within itself',
      { $defs: { a: { 'x-address': 'a', allOf: [{ $ref: '#/$defs/a' }] } } },
    ],
    ['an enum of numbers', { $defs: { a: { 'x-address': 'a', enum: [1] } } }],
    [
      'two messages on a channel',
      { ...one, channels: { a: { address: 'a', messages: { x: {}, y: {} } } } },
    ],
  ])('%s is refused as no catalog', (_, document) => {
    expect(() => readContract(document)).toThrow(/This is no catalog/);
  });
});
