import type { GuardCondition, OriginCondition } from './lifecycle.js';

/**
 * The remembered state of a resource, as the column holds it: null before it left any of their compound
 * states; the dotted path of the state it left, where the lifecycle has one history state; else JSON.
 */
export type Remembered = string | null;

/** Reads the column. Pure, never throws: text that is not as written here remembers nothing. */
export function readRemembered(
  histories: ReadonlyMap<string, unknown>,
  text: Remembered | undefined,
): ReadonlyMap<string, string> {
  if (text == null || text === '') return new Map();
  const [only] = histories.keys();
  if (histories.size === 1 && only !== undefined) return new Map([[only, text]]);
  try {
    const parsed: unknown = JSON.parse(text);
    return new Map(
      Object.entries(Object(parsed) as Record<string, unknown>).filter(
        (entry): entry is [string, string] => typeof entry[1] === 'string',
      ),
    );
  } catch {
    return new Map();
  }
}

/** Returns the remembered state after a transition: the same text where nothing new is remembered. Pure. */
export function rememberedAfter(
  histories: ReadonlyMap<string, unknown>,
  text: Remembered | undefined,
  { remembers }: { readonly remembers?: Readonly<Record<string, string>> },
): Remembered {
  if (remembers === undefined) return text ?? null;
  const [only] = histories.keys();
  if (histories.size === 1 && only !== undefined) return remembers[only] ?? text ?? null;
  const known = new Map([...readRemembered(histories, text), ...Object.entries(remembers)]);
  return JSON.stringify(
    Object.fromEntries(
      [...histories.keys()].flatMap((place) => {
        const state = known.get(place);
        return state === undefined ? [] : [[place, state]];
      }),
    ),
  );
}

/** Whether a condition about the past holds. Pure. */
export function holdsOrigin(
  { place, within }: OriginCondition,
  remembered: ReadonlyMap<string, string>,
): boolean {
  const state = remembered.get(place);
  return state !== undefined && (state === within || state.startsWith(`${within}.`));
}

/** Whether every condition about the past holds; others are taken to hold. Pure. */
export function originsHold(
  guards: readonly GuardCondition[] | undefined,
  remembered: ReadonlyMap<string, string>,
): boolean {
  return (guards ?? []).every(
    ({ origin, expected }) => origin === undefined || holdsOrigin(origin, remembered) === expected,
  );
}

/** Whether the answer depends on what is remembered. Pure. */
export function asksOrigin(guards: readonly GuardCondition[] | undefined): boolean {
  return guards?.some(({ origin }) => origin !== undefined) === true;
}
