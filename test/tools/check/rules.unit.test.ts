import { describe, expect, it } from 'vitest';
import {
  after,
  allOf,
  always,
  announces,
  anyOf,
  before,
  checkLifecycle,
  entering,
  eventually,
  inState,
  leaving,
  never,
  not,
  on,
  tagged,
  type LifecycleDeclaration,
  type Rule,
} from '../../../src/tools/check/index.js';
import { traceText } from '../../../src/tools/check/trace.js';
import { tiny } from './tiny.js';

const machine = tiny('Stopped Running Moving End!', [
  'Stopped Start Running +VM.START',
  'Running Stop Stopped +VM.STOP',
  'Running Move Moving',
  'Moving Moved Running',
  'Moving Crash Stopped',
  'Stopped Expunge End',
]);

function counterExample(rule: Rule, declaration: LifecycleDeclaration = machine) {
  const finding = checkLifecycle(declaration, { rules: { rule } }).findings.find(
    ({ code }) => code === 'RULE_BROKEN',
  );
  if (finding === undefined) return 'holds';
  const loop = finding.loop === undefined ? '' : ` ⟲ ${traceText(finding.loop)}`;
  return `${traceText(finding.trace ?? [])}${loop}`;
}

describe('always and never', () => {
  it('hold where no moment says otherwise', () => {
    expect(counterExample(always(not(tagged('broken'))))).toBe('holds');
    expect(counterExample(never(allOf(on('Stop'), inState('Running'))))).toBe('holds');
  });

  it('are broken by a shortest path, the creation included', () => {
    expect(counterExample(never(inState('Moving')))).toBe(
      'created in Stopped --Start [VM.START]--> Running --Move--> Moving',
    );
    expect(counterExample(never(entering('Stopped')))).toBe('created in Stopped');
  });
});

describe('eventually', () => {
  it('is broken where it has become impossible, not where it is only put off', () => {
    const forked = tiny('a b! c!', ['a Wait a', 'a B b', 'a C c']);
    expect(counterExample(eventually(anyOf(inState('b'), inState('c'))), forked)).toBe('holds');
    expect(counterExample(eventually(inState('b')), forked)).toBe('created in a --C--> c');
  });

  it('is broken by a cycle when it is not to be fair', () => {
    const forked = tiny('a b c!', ['a Go b', 'b Wait b', 'b C c']);
    expect(counterExample(eventually(inState('c')), forked)).toBe('holds');
    expect(counterExample(eventually(inState('c'), { fair: false }), forked)).toBe(
      'created in a --Go--> b ⟲ … --Wait--> b',
    );
  });
});

describe('after', () => {
  it('demands that each start is followed by a stop on every path', () => {
    expect(counterExample(after(announces('VM.START')).eventually(announces('VM.STOP')))).toBe(
      'created in Stopped --Start [VM.START]--> Running --Move--> Moving --Crash--> Stopped --Expunge--> End',
    );
  });

  it('forbids for ever, from the next moment on', () => {
    expect(counterExample(after(on('Crash')).never(announces('VM.START')))).toBe(
      'created in Stopped --Start [VM.START]--> Running --Move--> Moving --Crash--> Stopped --Start [VM.START]--> Running',
    );
    expect(counterExample(after(on('Start')).never(inState('End')))).not.toBe('holds');
    expect(counterExample(after(inState('End')).always(inState('End')))).toBe('holds');
  });

  it('until another thing rules over what lies between, not over what follows', () => {
    const migrating = after(entering('Moving')).until(leaving('Moving'));
    expect(counterExample(migrating.never(on('Start')))).toBe('holds');
    expect(counterExample(migrating)).toBe('holds');
    const restless = tiny('a b c!', ['a In b', 'b Poke b', 'b Out a', 'a End c']);
    const within = after(entering('b')).until(leaving('b'));
    expect(counterExample(within.never(on('Poke')), restless)).toBe(
      'created in a --In--> b --Poke--> b',
    );
    expect(counterExample(within.always(inState('b')), restless)).toBe('holds');
  });
});

describe('before', () => {
  it('forbids up to the first time, and throughout where it never comes', () => {
    expect(counterExample(before(announces('VM.START')).never(announces('VM.STOP')))).toBe('holds');
    expect(counterExample(before(on('Moved')).never(on('Crash')))).toContain('--Crash-->');
    expect(counterExample(before(on('Start')).always(inState('Stopped')))).toBe(
      'created in Stopped --Expunge--> End',
    );
  });
});

it('a rule that names a state or event that is not there is refused, with the nearest', () => {
  expect(() => counterExample(never(inState('Runing')))).toThrow(
    /'Runing'.*Did you mean 'Running'/,
  );
  expect(() => counterExample(never(not(on('Strat'))))).toThrow(/'Strat'/);
});
