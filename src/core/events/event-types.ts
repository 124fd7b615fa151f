import { checkOptions, optionsOf } from '../options/check-options.js';
import { field, listOf, text } from '../options/fields.js';
import { ConfigurationError } from '../errors/errors.js';
import type { Category } from './category.js';
import {
  cloudStackActionTypes,
  cloudStackAlertTypes,
  cloudStackUsageTypes,
} from './cloudstack-event-types.js';
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
] as const;

/**
 * Your own event types, by declaration merging, so that they are known wherever a type is named:
 *
 * @example
 * export const eventTypes = defineEventTypes({ action: ['LB.DRAIN'], alert: ['ALERT.LB'] });
 *
 * declare module 'signalbox' {
 *   interface CustomEventTypes extends CustomTypesOf<typeof eventTypes> {}
 * }
 */
export interface CustomEventTypes {}

type CustomType<K extends string> =
  CustomEventTypes extends Readonly<Record<K, infer T>> ? Extract<T, string> : never;

/** A type of an ActionEvent: CloudStack's, or one of your own. */
export type KnownActionType = (typeof cloudStackActionTypes)[number] | CustomType<'action'>;

/** A type of a UsageEvent: CloudStack's, or one of your own. */
export type KnownUsageType = (typeof cloudStackUsageTypes)[number] | CustomType<'usage'>;

/** A type of an AlertEvent: CloudStack's, Signalbox's, or one of your own. */
export type KnownAlertType =
  | (typeof cloudStackAlertTypes)[number]
  | (typeof signalboxAlertTypes)[number]
  | CustomType<'alert'>;

/** Any event type that is known by name. State changes are named by their lifecycles. */
export type EventType =
  KnownActionType | KnownUsageType | KnownAlertType | (typeof asyncJobEventTypes)[number];

/** Names of your own, for each category that has named types. */
export interface CustomTypeNames {
  readonly action?: readonly string[];
  readonly usage?: readonly string[];
  readonly alert?: readonly string[];
}

/** The event types that may be announced. Immutable; pass it to `createSignalbox({ eventTypes })`. */
export interface EventTypes<T extends CustomTypeNames = CustomTypeNames> {
  /** Pure. Whether events of the category may have this type. Any type is one of a state change. */
  has(category: Category, type: string): boolean;
  /** Pure. The known types of the category; none for ResourceStateEvent, which lifecycles name. */
  names(category: Category): readonly string[];
  /** Pure. The paths of fields of this type that not everybody may read; none where none is marked. */
  privateFields(type: string): readonly string[];
  /** Type only: what was added. Never set at run time. */
  readonly '~custom'?: T;
}

/** What to merge into `CustomEventTypes` for a value made by `defineEventTypes`. */
export type CustomTypesOf<E extends EventTypes> = {
  readonly [K in keyof CustomTypeNames]-?: NonNullable<E['~custom']> extends Readonly<
    Record<K, readonly (infer N)[]>
  >
    ? N
    : never;
};

/** What is said of event types besides their names. */
export interface EventTypeMarks {
  /**
   * Fields that not everybody may read, by event type; `'*'` for every type. A path from the event:
   * `actor`, `account`, `domain`, `project`, or one of `data.reason`, `data.description`, `data.body`,
   * `data.details`, `data.result`, of which the last two go deeper (`data.details.password`). A bus
   * leaves them out or encrypts them where its format does; see `redactedFields`, `encryptedFields`.
   */
  readonly privateFields?: Readonly<Record<string, readonly string[]>>;
}

/**
 * Pure. CloudStack's and Signalbox's event types together with your own. Throws ConfigurationError
 * CONFIG_VALUE_INVALID for a name that is empty, holds a blank or a wildcard, or is too long for a
 * routing key, and for a private field that is none. A name that is known already may be repeated.
 */
export function defineEventTypes<const T extends CustomTypeNames = {}>(
  custom?: T,
  marks: EventTypeMarks = {},
): EventTypes<T> {
  checkOptions(eventTypesSchema, custom);
  checkOptions(eventMarksSchema, marks);
  const marked = new Map(
    Object.entries(marks.privateFields ?? {}).map(([type, paths]) => [type, checkPaths(paths)]),
  );
  const ofAll = marked.get('*') ?? [];
  const own: CustomTypeNames = custom ?? {};
  const known: Readonly<Record<Category, ReadonlySet<string>>> = {
    ResourceStateEvent: new Set(),
    ActionEvent: new Set([...cloudStackActionTypes, ...checkNames('action', own.action)]),
    UsageEvent: new Set([...cloudStackUsageTypes, ...checkNames('usage', own.usage)]),
    AlertEvent: new Set([
      ...cloudStackAlertTypes,
      ...signalboxAlertTypes,
      ...checkNames('alert', own.alert),
    ]),
    AsyncJobEvent: new Set(asyncJobEventTypes),
  };
  return Object.freeze({
    has: (category: Category, type: string) =>
      category === 'ResourceStateEvent' ? type !== '' : known[category].has(type),
    names: (category: Category) => [...known[category]],
    privateFields: (type: string) => {
      const own = type === '*' ? undefined : marked.get(type);
      return own === undefined ? ofAll : [...new Set([...ofAll, ...own])];
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
      `'${String(path)}' is no field that can be private: actor, account, domain, project, data.reason, data.description, data.body, and what is in data.details and data.result.`,
      { parameters: { key: 'privateFields', value: String(path) } },
    );
  }
  return paths;
}

/** What each option of `defineEventTypes()` takes; the names are looked at one by one. */
export const eventTypesSchema = optionsOf<CustomTypeNames>('defineEventTypes()', {
  action: listOf(text()),
  usage: listOf(text()),
  alert: listOf(text()),
});

/** The paths are looked at one by one. */
export const eventMarksSchema = optionsOf<EventTypeMarks>('defineEventTypes()', {
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
function checkNames(kind: keyof CustomTypeNames, names: readonly string[] = []): readonly string[] {
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
