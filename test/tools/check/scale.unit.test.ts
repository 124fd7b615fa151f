import { expect, it } from 'vitest';
import {
  after,
  announces,
  checkLifecycle,
  never,
  on,
  type LifecycleDeclaration,
} from '../../../src/tools/check/index.js';

const size = 2_000;

/** A ring of states, each with nine more transitions to states that follow from a fixed rule. */
function generated(): LifecycleDeclaration {
  const nameOf = (index: number) => `S${index % size}`;
  return {
    resource: 'Large',
    initial: 'S0',
    states: Array.from({ length: size }, (_, index) => ({
      name: nameOf(index),
      transitional: index % 2 === 1,
      final: index === size - 1,
      ...(index % 2 === 1 ? { deadline: 1 } : {}),
    })),
    transitions: Array.from({ length: size * 10 }, (_, index) => {
      const state = Math.floor(index / 10);
      const jump = index % 10;
      return {
        from: nameOf(state),
        event: jump === 1 ? 'OperationFailed' : `E${jump}`,
        to: nameOf(jump === 0 ? state + 1 : state * 7 + jump * 131),
        effects:
          index % 97 === 0
            ? [{ category: 'UsageEvent' as const, type: index % 2 === 0 ? 'VM.START' : 'VM.STOP' }]
            : [],
      };
    }),
  };
}

it(
  '2,000 states and 20,000 transitions are checked with meters and rules',
  { timeout: 10_000 },
  () => {
    const { findings } = checkLifecycle(generated(), {
      meters: [{ name: 'm', starts: ['VM.START'], stops: ['VM.STOP'] }],
      rules: {
        balanced: after(announces('VM.START')).eventually(announces('VM.STOP'), { fair: false }),
        impossible: never(on('E9')),
      },
    });
    const codes = new Set(findings.map(({ code }) => code));
    expect(codes).toContain('RULE_BROKEN');
    expect(codes).toContain('METER_STARTED_TWICE');
    expect(codes).not.toContain('UNREACHABLE_STATE');
  },
);

it('a path of thousands of states exhausts no stack', () => {
  const length = 20_000;
  const { findings } = checkLifecycle({
    resource: 'Long',
    initial: 'S0',
    states: Array.from({ length }, (_, index) => ({
      name: `S${index}`,
      transitional: index > 0,
      deadline: 1,
    })),
    transitions: Array.from({ length }, (_, index) => ({
      from: `S${index}`,
      event: 'Failed',
      to: `S${index + 1 < length ? index + 1 : 1}`,
    })),
  });
  expect(findings.map(({ code }) => code)).toEqual(['LIVELOCK', 'NO_FINAL_STATE']);
});
