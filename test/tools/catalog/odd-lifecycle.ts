import { setup } from 'xstate';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../../src/core/lifecycle/effects.js';

/** Names that every format must take as they are: spaces, quotes, brackets, braces, other scripts. */
export const oddLifecycle = defineLifecycle({
  resource: 'Ödd <b>"`|{thing}$',
  version: 3,
  machine: setup({
    types: {} as {
      events:
        { type: 'go {now}' } | { type: 'Created' } | { type: '`${x}` / \\n' } | { type: 'a|b_c_' };
    },
    actions: effects,
    guards: { may: () => true },
  }).createMachine({
    initial: 'at "rest"',
    states: {
      'at "rest"': {
        on: {
          'go {now}': {
            target: '移動 <i>',
            actions: { type: 'usage', params: { type: 'ODD.GO', data: { size: 1 } } },
          },
          Created: '移動 <i>',
          '`${x}` / \\n': 'at "rest"',
        },
      },
      '移動 <i>': {
        entry: { type: 'alert', params: { type: 'ALERT.ODD', data: { size: 'big', tags: ['x'] } } },
        on: {
          'a|b_c_': {
            target: 'at "rest"',
            actions: { type: 'action', params: { type: 'ODD.STOP' } },
          },
        },
        after: {
          1000: {
            guard: 'may',
            target: 'at "rest"',
            actions: { type: 'alert', params: { type: 'ALERT.ODD.LATE' } },
          },
          2000: { actions: { type: 'alert', params: { type: 'ALERT.ODD.SLOW' } } },
        },
      },
    },
  }),
});
