import type { Effect } from '../lifecycle/lifecycle.js';
import type { Category } from './category.js';
import { routingWord } from './routing-key.js';

/** The parts of a lifecycle that its routing keys consist of. */
interface Announcing {
  readonly events: readonly string[];
  readonly transitions: readonly { readonly event: string; readonly effects?: readonly Effect[] }[];
}

/** Names of events and effects of a lifecycle that one routing key stands for, by category. Pure. */
export function sameRoutingWords({ events, transitions }: Announcing): readonly {
  readonly category: Category;
  readonly types: readonly [string, string, ...string[]];
}[] {
  const words = new Map<string, Set<string>>();
  const note = (category: Category, type: string): void => {
    const key = `${category} ${routingWord(type)}`;
    words.set(key, (words.get(key) ?? new Set()).add(type));
  };
  for (const event of events) note('ResourceStateEvent', event);
  for (const { event, effects = [] } of transitions) {
    note('ResourceStateEvent', event);
    for (const { category, type } of effects) note(category, type);
  }
  return [...words].flatMap(([key, types]) => {
    const [first, second, ...others] = types;
    return first === undefined || second === undefined
      ? []
      : [{ category: key.split(' ')[0] as Category, types: [first, second, ...others] as const }];
  });
}
