import type { DeclaredState, LifecycleDeclaration } from '../../../src/tools/check/index.js';
import type { Effect } from '../../../src/core/lifecycle/lifecycle.js';

/**
 * A declaration in short: states as names with `!` for final and `~` for transitional (with a
 * deadline), transitions as `from event to`, with what is announced behind it: `a Go b +VM.START`.
 */
export function tiny(
  states: string,
  transitions: readonly string[],
  more: Partial<LifecycleDeclaration> = {},
): LifecycleDeclaration {
  const declared = states.split(' ').map((text): DeclaredState => {
    const name = text.replace(/[!~]$/, '');
    const transitional = text.endsWith('~');
    return {
      name,
      final: text.endsWith('!'),
      transitional,
      ...(transitional ? { deadline: 1 } : {}),
    };
  });
  return {
    resource: 'Tiny',
    initial: declared[0]?.name ?? '',
    states: declared,
    transitions: transitions.map((text) => {
      const [from = '', event = '', to = '', ...rest] = text.split(' ');
      return {
        from,
        event,
        to,
        effects: rest
          .filter((word) => word.startsWith('+'))
          .map((word): Effect => ({ category: 'UsageEvent', type: word.slice(1) })),
        guards: rest
          .filter((word) => word.startsWith('?'))
          .map((word) => ({ name: word.slice(1), expected: true })),
      };
    }),
    ...more,
  };
}
