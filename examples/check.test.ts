import { expect, it } from 'vitest';
import { effects, defineLifecycle } from 'signalbox';
import {
  after,
  announces,
  checkLifecycle,
  checkText,
  defineCheck,
  inState,
  never,
  on,
  allOf,
} from 'signalbox/check';
import { setup } from 'xstate';

// #region lifecycle
const started = { type: 'usage', params: { type: 'VM.START' } } as const;
const stopped = { type: 'usage', params: { type: 'VM.STOP' } } as const;

export const worker = defineLifecycle({
  resource: 'Worker',
  version: 1,
  machine: setup({
    types: {} as { events: { type: 'Start' | 'Stop' | 'Crash' | 'Retire' } },
    actions: effects,
  }).createMachine({
    initial: 'Idle',
    states: {
      Idle: { on: { Start: { target: 'Busy', actions: started }, Retire: 'Gone' } },
      Busy: { on: { Stop: { target: 'Idle', actions: stopped }, Crash: 'Idle' } },
      Gone: { type: 'final' },
    },
  }),
});
// #endregion

// #region check
export const workerCheck = defineCheck(worker, {
  meters: [{ name: 'work', starts: ['VM.START'], stops: ['VM.STOP'], closedIn: ['Idle'] }],
  rules: {
    'what starts, stops': after(announces('VM.START')).eventually(announces('VM.STOP')),
    'nothing retires at work': never(allOf(on('Retire'), inState('Busy'))),
  },
});
// #endregion

it('finds the leak of a crash, with the path that shows it', () => {
  // #region report
  const report = checkLifecycle(workerCheck.lifecycle, workerCheck);
  const [leak, broken] = report.findings;
  expect(leak?.code).toBe('METER_LEFT_OPEN');
  expect(leak?.place).toMatchObject({ state: 'Busy', event: 'Crash', to: 'Idle' });
  expect(broken?.message).toContain("the rule 'what starts, stops'");
  expect(broken?.trace?.map(({ to }) => to)).toEqual(['Idle', 'Busy', 'Idle', 'Gone']);
  // #endregion
  expect(checkText([report])).toContain(
    'Path: created in Idle --Start [VM.START]--> Busy --Crash--> Idle',
  );
});
