import fc from 'fast-check';
import { setup } from 'xstate';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../../src/core/lifecycle/effects.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';

/** The names of a lifecycle that is made to break diagram languages. */
export interface HostileNames {
  readonly resource: string;
  readonly states: readonly string[];
  readonly event: string;
  readonly effect: string;
  readonly guard: string;
  readonly tag: string;
  readonly description: string;
}

const fragments = [
  '"',
  "'",
  '`',
  '<',
  '>',
  '</b>',
  '<br/>',
  '<script>',
  ']]>',
  '<!--',
  '-->',
  '&',
  '&amp;',
  '&#10;',
  '\\',
  '\\n',
  '\\N',
  '\\G',
  '\\E',
  '\\\\',
  '\\"',
  '{',
  '}',
  '[',
  ']',
  '[*]',
  '(',
  ')',
  ':',
  ';',
  '%',
  '%%{init}%%',
  '--',
  '__',
  '~~',
  '//',
  '==',
  '|',
  '/',
  '@enduml',
  'end',
  'note',
  'state',
  'as',
  'class',
  '<<fork>>',
  'é',
  'ß',
  '状態',
  'حالة',
  '🚦',
  '👩‍🚒',
  '\u200B',
  '\u202E',
  '\uFFFD',
  '\u0301',
  ' ',
  'a',
  'Ready',
  '1',
  '_x0041_',
  '$&',
  '$1',
  '+',
  '=',
  ',',
  '!',
  '?',
  '^',
] as const;

const hostile = fc
  .array(fc.oneof(fc.constantFrom(...fragments), fc.string({ unit: 'grapheme', maxLength: 3 })), {
    minLength: 1,
    maxLength: 5,
  })
  .map((parts) => parts.join(''));

// What the definition itself refuses in names is no matter for diagrams.
const name = hostile
  .map((text) => text.replaceAll(/[*#.\p{Cc}]/gu, '').replace(/^[{]+/u, ''))
  .filter((text) => text.trim() !== '' && text !== '-' && text !== '__proto__');

// Free text may hold line breaks and what else there is.
const free = fc
  .array(fc.oneof(hostile, fc.constantFrom('\n', '\r\n', '\t', '\0', '\uD800', '*', '#')), {
    minLength: 1,
    maxLength: 6,
  })
  .map((parts) => parts.join(''));

/** Names with quotes, angle brackets, comments, keywords, unicode and line breaks in them. */
export const hostileNames: fc.Arbitrary<HostileNames> = fc.record({
  resource: name,
  states: fc.uniqueArray(name, { minLength: 4, maxLength: 4 }),
  event: name,
  effect: name,
  guard: free.filter((text) => text !== '' && text !== '__proto__'),
  tag: free,
  description: free,
});

/** A lifecycle with these names: nested states, a guard, effects, deadlines and a self-transition. */
export function hostileLifecycle(names: HostileNames): AnyLifecycle {
  const { resource, states, event, effect, guard, tag, description } = names;
  const [first = '', second = '', inner = '', last = ''] = states;
  // XState takes a backslash in a target for the beginning of an escape.
  const to = (state: string): string => state.replaceAll('\\', '\\\\');
  const announced = { type: 'usage', params: { type: effect, data: { why: description } } };
  const machine = setup({
    types: {} as { tags: string },
    actions: effects,
    guards: { [guard]: () => true },
  }).createMachine({
    initial: first,
    states: {
      [first]: {
        tags: tag,
        description,
        after: { 1000: { target: to(last), reenter: true, description } },
        on: {
          [event]: [
            { target: to(second), guard, actions: announced, description },
            { actions: announced },
          ],
        },
      },
      [second]: {
        initial: inner,
        on: { [event]: { target: to(last), reenter: true } },
        states: { [inner]: { tags: [tag], entry: announced } },
      },
      [last]: { type: 'final' },
    },
  } as never);
  return defineLifecycle({ resource, version: 1, machine: machine as never });
}

/** How a text reads in a diagram: on one line, what no format can hold replaced. */
export function asDrawn(text: string): string {
  return text.replaceAll(/\s+/gu, ' ').replaceAll(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, '\uFFFD');
}
