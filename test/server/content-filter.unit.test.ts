import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileContent, type ContentFilter } from '../../src/server/filter/content-filter.js';
import { EndpointIndex, endpointWants } from '../../src/server/filter/endpoint-index.js';
import { everybody, type Endpoint, type Owner } from '../../src/server/model.js';
import { retryDelays } from '../../src/server/engine/retry-policy.js';
import { newEvent } from './support/stores.js';

const event = {
  type: 'VM.START',
  data: { size: 100, ip: '10.0.0.7', tags: ['a', 'b'], name: 'Web', none: null, on: true },
};

describe('a condition', () => {
  it.each<[boolean, ContentFilter]>([
    [true, { type: ['VM.START'] }],
    [false, { type: ['VM.STOP'] }],
    [true, { type: [{ prefix: 'VM.' }] }],
    [false, { type: [{ prefix: 'vm.' }] }],
    [true, { type: [{ suffix: 'START' }] }],
    [true, { data: { name: [{ 'equals-ignore-case': 'WEB' }] } }],
    [true, { type: [{ 'anything-but': ['VM.STOP'] }] }],
    [false, { type: [{ 'anything-but': { prefix: 'VM.' } }] }],
    [true, { data: { tags: [{ 'anything-but': ['a'] }] } }],
    [true, { data: { tags: ['b', 'c'] } }],
    [true, { data: { size: [{ numeric: ['=', 100] }] } }],
    [true, { data: { size: [{ numeric: ['>', 0, '<=', 100] }] } }],
    [false, { data: { size: [{ numeric: ['>', 100] }] } }],
    [false, { data: { name: [{ numeric: ['=', 1] }] } }],
    [true, { data: { missing: [{ exists: false }] } }],
    [true, { data: { none: [{ exists: true }] } }],
    [true, { data: { none: [null], on: [true] } }],
    [true, { data: { ip: [{ cidr: '10.0.0.0/24' }] } }],
    [false, { data: { ip: [{ cidr: '10.0.1.0/24' }] } }],
    [true, { $or: [{ type: ['X'] }, { data: { size: [100] } }] }],
    [false, { type: ['VM.START'], $or: [{ type: ['X'] }, { data: { size: [1] } }] }],
    [true, { data: { $or: [{ size: [1] }, { on: [true] }] } }],
  ])('%s: %j', (expected, filter) => {
    const compiled = compileContent(filter);
    expect(compiled.matches(event)).toBe(expected);
    expect(compiled.explain(event).every(({ matches }) => matches)).toBe(expected);
  });

  it.each([
    {},
    { type: [] },
    { type: 'VM.START' },
    { type: [{ prefix: '' }] },
    { type: [{ regex: 'x' }] },
    { type: [{ prefix: 'a', suffix: 'b' }] },
    { type: [{ numeric: ['<', 1, '>', 0] }] },
    { type: [{ numeric: ['>', 5, '<', 1] }] },
    { type: [{ numeric: ['>', 'a'] }] },
    { type: [{ cidr: '10.0.0.0/40' }] },
    { type: [{ exists: 'yes' }] },
    { $or: [{ type: ['a'] }] },
    JSON.parse('{"__proto__": []}'),
  ])('%j is refused', (filter) => {
    expect(() => compileContent(filter as ContentFilter)).toThrow(/The content filter is refused/);
  });
});

describe('the index', () => {
  const words = ['a', 'b', 'c'];
  const owner = fc.oneof(
    fc.constant<Owner>(everybody),
    fc.record<Owner>({
      account: fc.constantFrom(...words),
      domain: fc.constantFrom('', 'ROOT', 'ROOT/a'),
      reach: fc.constant('local' as const),
    }),
    fc.record<Owner>({
      account: fc.constant(''),
      domain: fc.constantFrom('ROOT', 'ROOT/a', 'ROOT/b'),
      reach: fc.constant('domain' as const),
    }),
  );
  const settings = fc.record(
    {
      topics: fc.constantFrom(['#'], ['*.ActionEvent.a.*.*'], ['*.*.b.#', '*.*.c.#']),
      content: fc.oneof(
        fc.record({ type: fc.subarray(words, { minLength: 1 }) }),
        fc.record({ data: fc.record({ x: fc.subarray(words, { minLength: 1 }) }) }),
        fc.constant({ data: { x: [{ exists: false }] } }),
      ),
    },
    { requiredKeys: [] },
  );

  it('finds the endpoints that want an event, and no other, whatever was added and removed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(owner, settings, fc.boolean()), { maxLength: 30 }),
        fc.record({
          type: fc.constantFrom(...words),
          account: fc.constantFrom('a', 'b', null),
          domain: fc.constantFrom('ROOT', 'ROOT/a', 'ROOT/ab', null),
          data: fc.record({ x: fc.constantFrom(...words) }, { requiredKeys: [] }),
        }),
        (given, attributes) => {
          const endpoints = given.map(([its, options, isRemoved], index) => ({
            id: String(index),
            owner: its,
            settings: options,
            status: isRemoved ? ('disabled' as const) : ('active' as const),
          })) as unknown as readonly Endpoint[];
          const index = new EndpointIndex();
          index.update(
            endpoints.map((each) => ({ ...each, status: 'active' as const })),
            1,
          );
          index.update(
            endpoints.filter(({ status }) => status !== 'active'),
            2,
          );
          const logged = { seq: 1, ...newEvent(attributes) };
          const wanted = endpoints
            .filter((each) => each.status === 'active' && endpointWants(each)(logged))
            .map(({ id }) => id);
          const found = index.match(logged).map(({ id }) => id);
          expect(new Set(found)).toEqual(new Set(wanted));
          expect(found).toHaveLength(wanted.length);
        },
      ),
    );
  });
});

describe('a retry policy', () => {
  it('is that of Standard Webhooks unless another is given', () => {
    expect(retryDelays()).toEqual([5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]);
  });

  it('has the four phases of SNS', () => {
    expect(
      retryDelays({
        numRetries: 9,
        numNoDelayRetries: 2,
        numMinDelayRetries: 2,
        numMaxDelayRetries: 2,
        minDelayTarget: 5,
        maxDelayTarget: 45,
        backoffFunction: 'linear',
      }),
    ).toEqual([0, 0, 5, 5, 5, 25, 45, 45, 45]);
  });

  it('grows from its shortest to its longest delay by every function', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 100 }),
        fc.constantFrom('linear', 'arithmetic', 'geometric', 'exponential'),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 100, max: 3600 }),
        (numRetries, backoffFunction, minDelayTarget, maxDelayTarget) => {
          const delays = retryDelays({
            numRetries,
            backoffFunction,
            minDelayTarget,
            maxDelayTarget,
          });
          expect(delays).toHaveLength(numRetries);
          expect(delays[0]).toBeCloseTo(minDelayTarget);
          for (const [index, delay] of delays.entries()) {
            expect(delay).toBeGreaterThanOrEqual((delays[index - 1] ?? 0) - 1e-9);
            expect(delay).toBeLessThanOrEqual(maxDelayTarget + 1e-9);
          }
        },
      ),
    );
  });

  it.each([
    'often',
    null,
    { delays: 5 },
    { delays: [-1] },
    { delays: Array.from({ length: 101 }, () => 1) },
    { numRetries: 1, numNoDelayRetries: 2 },
    { numRetries: 3, numNoDelayRetries: 2, numMinDelayRetries: 2 },
    { minDelayTarget: 50, maxDelayTarget: 20 },
    { maxDelayTarget: 3601 },
    { backoffFunction: 'random' },
  ])('%j is refused', (policy) => {
    expect(() => retryDelays(policy as never)).toThrow(/The retry policy is refused/);
  });
});
