import { describe, expect, it } from 'vitest';
import { network, virtualMachine, volume } from '../../../machines/index.js';
import { RefusedError } from '../../../src/core/errors/errors.js';
import type { EventFilter, EventSelection } from '../../../src/core/events/event-filter.js';
import { bindingPatterns } from '../../../src/core/events/filter.js';

function refusal(selection: EventSelection): RefusedError {
  try {
    const patterns = bindingPatterns(selection);
    return expect.unreachable(`accepted as ${patterns.join(' ')}`);
  } catch (error) {
    expect(error).toBeInstanceOf(RefusedError);
    return error as RefusedError;
  }
}

describe('bindingPatterns', () => {
  it('binds everything for an empty filter', () => {
    expect(bindingPatterns({})).toEqual(['*.*.*.*.*']);
    const empty: EventFilter = { type: '', resource: '*' };
    expect(bindingPatterns(empty)).toEqual(['*.*.*.*.*']);
  });

  it('multiplies lists out and writes the dots of a type as dashes', () => {
    expect(
      bindingPatterns({
        category: 'ActionEvent',
        type: ['VM.START', 'VM.STOP'],
        resource: ['A', 'B'],
      }),
    ).toEqual([
      '*.ActionEvent.VM-START.A.*',
      '*.ActionEvent.VM-START.B.*',
      '*.ActionEvent.VM-STOP.A.*',
      '*.ActionEvent.VM-STOP.B.*',
    ]);
  });

  it('refuses more patterns than a broker is to bind, however they come about', () => {
    const uuids = Array.from({ length: 20_000 }, (_, index) => `u${index}`);
    const many: readonly EventSelection[] = [
      uuids.map((uuid) => ({ uuid })),
      uuids.map((uuid) => `*.*.*.*.${uuid}`),
      [{ uuid: uuids.slice(0, 600) }, { uuid: uuids.slice(600, 1200) }],
      { uuid: uuids },
      { type: uuids.slice(0, 40), uuid: uuids.slice(0, 40) },
      { account: uuids },
    ];
    for (const selection of many) {
      const { code, message } = refusal(selection);
      expect(code).toBe('FILTER_INVALID');
      expect(message).toMatch(/1000.*several subscriptions/);
    }
    expect(bindingPatterns(uuids.slice(0, 1000).map((uuid) => ({ uuid })))).toHaveLength(1000);
  });

  it('reads a resource from a lifecycle, or from a class or mapping that has one', () => {
    class Volume {
      static readonly lifecycle = volume;
      static readonly resource = 'NotThis';
    }
    const resource = [Volume, { lifecycle: network }, virtualMachine, 'Foreign'];
    expect(bindingPatterns({ resource })).toEqual([
      '*.*.*.Volume.*',
      '*.*.*.Network.*',
      '*.*.*.VirtualMachine.*',
      '*.*.*.Foreign.*',
    ]);
  });

  it('takes patterns as they are, several selections at once, and drops duplicates', () => {
    expect(bindingPatterns('#')).toEqual(['#']);
    expect(
      bindingPatterns(['*.*.*.VirtualMachine.#', { resource: 'Volume' }, '*.*.*.Volume.*']),
    ).toEqual(['*.*.*.VirtualMachine.#', '*.*.*.Volume.*']);
  });

  it.each<[string, EventSelection, RegExp]>([
    ['no selection', [], /empty list/],
    ['an empty list', { type: [] }, /type/],
    ['an unknown property', { resorce: 'Volume' } as EventFilter, /Did you mean resource\?/],
    [
      'an unknown category',
      { category: 'ActonEvent' as 'ActionEvent' },
      /Did you mean ActionEvent\?/,
    ],
    ['part of a word', { type: 'VM-*' }, /whole words/],
    ['a value that is no text', { uuid: 7 as unknown as string }, /text/],
    ['a class without a lifecycle', { resource: Map as unknown as string }, /a class or mapping/],
    ['no resource', { resource: null as unknown as string }, /a class or mapping/],
    ['four words', '*.*.*.VirtualMachine', /exactly five/],
    ['six words', '*.*.*.*.*.*', /exactly five/],
    ['six words beside a hash', '#.a.b.c.d.e.f', /exactly five/],
    ['an empty word', '*.*..*.*', /cannot match/],
    ['a wildcard inside a word', '*.*.VM-*.*.*', /stands alone/],
    ['a category nobody publishes', '*.Actions.#', /no category Actions/],
    ['more than 255 bytes', `*.*.${'x'.repeat(250)}.*.*`, /255 bytes/],
    [
      'too many patterns',
      { type: Array.from({ length: 1001 }, (_, n) => `T${n}`) },
      /more than 1000/,
    ],
    ['null', null as unknown as EventFilter, /object/],
  ])('refuses %s', (_, selection, message) => {
    const error = refusal(selection);
    expect(error.code).toBe('FILTER_INVALID');
    expect(error.message).toMatch(message);
  });

  it('accepts hashes that five words can satisfy', () => {
    for (const pattern of ['#', '#.#', '*.#', '#.VirtualMachine.*', '*.*.*.*.*.#', '#.b.c.d.e']) {
      expect(bindingPatterns(pattern)).toEqual([pattern]);
    }
  });
});
