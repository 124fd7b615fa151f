import { checkOptions, optionsOf } from '../options/check-options.js';
import { field, having, listOf, text } from '../options/fields.js';
import { ConfigurationError } from '../errors/errors.js';
import type { Category } from './category.js';
import { effects, type EffectParams } from '../lifecycle/effects.js';
import { maximumRoutingKeyBytes } from './routing-key.js';
import { asyncJobEventTypes } from './schemas.js';

/** The alerts that Signalbox raises by itself. */
export const signalboxAlertTypes = [
  /** A resource stayed in a state beyond its deadline. */
  'ALERT.RESOURCE.STUCK',
  /** A deadline passed whose resource is not found. */
  'ALERT.RESOURCE.MISSING',
  /** A broker refused an event for good, and it was parked. */
  'ALERT.EVENT.PARKED',
  /** The oldest unpublished event is older than the configured bound. */
  'ALERT.OUTBOX.LAGGING',
  /** The relay or the deadlines were kept waiting by the database or by a pool that is too small. */
  'ALERT.DATABASE.STARVED',
  /** An endpoint of the notification service was disabled or ended. */
  'ALERT.ENDPOINT.DISABLED',
] as const satisfies readonly SignalboxAlertType[];

/** An alert that Signalbox raises by itself. */
export type SignalboxAlertType =
  | 'ALERT.RESOURCE.STUCK'
  | 'ALERT.RESOURCE.MISSING'
  | 'ALERT.EVENT.PARKED'
  | 'ALERT.OUTBOX.LAGGING'
  | 'ALERT.DATABASE.STARVED'
  | 'ALERT.ENDPOINT.DISABLED';

/** Names of event types, for each category whose types are named. */
export interface EventTypeNames {
  readonly action?: readonly string[];
  readonly usage?: readonly string[];
  readonly alert?: readonly string[];
}

/**
 * The event types that a program announces, made by `defineEventTypes`. Immutable. Pass it to
 * `createSignalbox({ eventTypes })`: calls and filters then take these types and no others.
 */
export interface EventTypes<
  TAction extends string = string,
  TUsage extends string = string,
  TAlert extends string = string,
> {
  /**
   * The three effects, to put into `setup({ actions: eventTypes.effects })`: a machine then announces
   * only types that are declared here. They do nothing when run: effects are data, which the
   * transition announces in its own commit.
   */
  readonly effects: {
    action(snapshot: unknown, params: EffectParams<TAction>): void;
    usage(snapshot: unknown, params: EffectParams<TUsage>): void;
    alert(snapshot: unknown, params: EffectParams<TAlert>): void;
  };
  /** Pure. Whether events of the category may have this type. A state change may have any. */
  has(category: Category, type: string): boolean;
  /** Pure. The types of the category; none for ResourceStateEvent, whose types lifecycles declare. */
  names(category: Category): readonly string[];
  /** Pure. The paths of the private fields of this type; empty when it has none. */
  privateFields(type: string): readonly string[];
  /** Type only: the names by category. Never set at run time. */
  readonly '~types'?: {
    readonly ActionEvent: TAction;
    readonly UsageEvent: TUsage;
    readonly AlertEvent: TAlert;
  };
}

/** The types of a category, such as `EventTypeOf<typeof eventTypes, 'UsageEvent'>`. */
export type EventTypeOf<
  E extends EventTypes,
  C extends 'ActionEvent' | 'UsageEvent' | 'AlertEvent',
> = NonNullable<E['~types']>[C];

/** The types that a call takes; a sentence for the compiler to show where none is declared. */
export type DeclaredType<
  E extends EventTypes,
  C extends 'ActionEvent' | 'UsageEvent' | 'AlertEvent',
> = [EventTypeOf<E, C>] extends [never]
  ? 'no type is declared: pass createSignalbox({ eventTypes: defineEventTypes({ … }) })'
  : EventTypeOf<E, C>;

/**
 * Pure. Declares the event types of a program, in one place. Signalbox's own alerts are always among
 * them; CloudStack's types are when you include `cloudStackEventTypes`.
 *
 * @param names Your own types, by kind. A type that is included already may be repeated.
 * @param options.include Another set, all of whose types are declared too.
 * @param options.privateFields Fields that not everybody may read, by event type; `'*'` for every type.
 * A path from the event: `actor`, `account`, `domain`, `project`, or one of `data.reason`,
 * `data.description`, `data.body`, `data.details`, `data.result`, of which the last two go deeper
 * (`data.details.password`). A bus leaves them out or encrypts them where its format does; see
 * `redactedFields`, `encryptedFields`.
 * @throws ConfigurationError CONFIG_VALUE_INVALID for a name that is empty, has a blank or a wildcard, or
 * is too long for a routing key, and for a path that cannot be private.
 *
 * @example
 * ```ts
 * const eventTypes = defineEventTypes({ action: ['LB.DRAIN'], alert: ['ALERT.LB'] });
 * const signalbox = await createSignalbox({ dataSource, source: 'lb', resources: [], eventTypes });
 * await signalbox.raiseAlert('ALERT.LB', 'one member is left');
 * ```
 */
export function defineEventTypes<
  const T extends EventTypeNames = {},
  I extends EventTypes = EventTypes<never, never, never>,
>(
  names?: T,
  options: {
    readonly include?: I;
    readonly privateFields?: Readonly<Record<string, readonly string[]>>;
  } = {},
): EventTypes<
  | (T extends { readonly action: readonly (infer N extends string)[] } ? N : never)
  | EventTypeOf<I, 'ActionEvent'>,
  | (T extends { readonly usage: readonly (infer N extends string)[] } ? N : never)
  | EventTypeOf<I, 'UsageEvent'>,
  | (T extends { readonly alert: readonly (infer N extends string)[] } ? N : never)
  | EventTypeOf<I, 'AlertEvent'>
  | SignalboxAlertType
> {
  checkOptions(eventTypesSchema, names);
  checkOptions(eventTypesOptionsSchema, options);
  const { include, privateFields = {} } = options;
  const marked = new Map(
    Object.entries(privateFields).map(([type, paths]) => [type, checkPaths(paths)]),
  );
  const ofAll = marked.get('*') ?? [];
  const own: EventTypeNames = names ?? {};
  const known: Readonly<Record<Category, ReadonlySet<string>>> = {
    ResourceStateEvent: new Set(),
    ActionEvent: new Set([
      ...(include?.names('ActionEvent') ?? []),
      ...checkNames('action', own.action),
    ]),
    UsageEvent: new Set([
      ...(include?.names('UsageEvent') ?? []),
      ...checkNames('usage', own.usage),
    ]),
    AlertEvent: new Set([
      ...(include?.names('AlertEvent') ?? []),
      ...signalboxAlertTypes,
      ...checkNames('alert', own.alert),
    ]),
    AsyncJobEvent: new Set(asyncJobEventTypes),
  };
  return Object.freeze({
    effects,
    has: (category: Category, type: string) =>
      category === 'ResourceStateEvent' ? type !== '' : known[category].has(type),
    names: (category: Category) => [...known[category]],
    privateFields: (type: string) => {
      const own = type === '*' ? undefined : marked.get(type);
      const included = include?.privateFields(type) ?? [];
      return [...new Set([...included, ...ofAll, ...(own ?? [])])];
    },
  });
}

const privatePath =
  /^(?:actor|account|domain|project|data\.(?:reason|description|body)|data\.(?:details|result)(?:\.[^.]+)*)$/;

/** Without a field that every event must have, a subscriber would refuse it. */
function checkPaths(paths: readonly string[]): readonly string[] {
  for (const path of paths) {
    if (typeof path === 'string' && privatePath.test(path)) continue;
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `'${String(path)}' cannot be a private field. Use actor, account, domain, project, data.reason, data.description, data.body, or a path in data.details or data.result.`,
      { parameters: { key: 'privateFields', value: String(path) } },
    );
  }
  return paths;
}

/** The kinds of names; each name is checked by itself. */
export const eventTypesSchema = optionsOf<EventTypeNames>('defineEventTypes()', {
  action: listOf(text()),
  usage: listOf(text()),
  alert: listOf(text()),
});

/** Each path is checked by itself. */
export const eventTypesOptionsSchema = optionsOf<
  NonNullable<Parameters<typeof defineEventTypes>[1]>
>('defineEventTypes()', {
  include: having('what defineEventTypes returned', 'has', 'names'),
  privateFields: field(
    'lists of paths by event type',
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every(Array.isArray),
  ),
});

/** Only names that survive as one word of a routing key, dots apart. */
function checkNames(kind: keyof EventTypeNames, names: readonly string[] = []): readonly string[] {
  for (const name of names) {
    if (typeof name === 'string' && /^[^\s*#\p{Cc}]+$/u.test(name) && name.length < longestName)
      continue;
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `'${name}' cannot be the type of an ${kind} event. A type has no blanks, no * or #, and fewer than ${longestName} characters.`,
      { parameters: { key: `eventTypes.${kind}`, value: String(name) } },
    );
  }
  return names;
}

// Leaves room in the routing key for the other four words.
const longestName = maximumRoutingKeyBytes - 100;
