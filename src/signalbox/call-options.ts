import { optionsOf } from '../core/options/check-options.js';
import {
  callback,
  either,
  flag,
  having,
  listOf,
  manager,
  milliseconds,
  nullable,
  oneOf,
  options,
  plainObject,
  positive,
  required,
  signal,
  subject,
  text,
  time,
  whole,
  type Fields,
} from '../core/options/fields.js';
import type { WatchOptions } from '../consuming/watch/watch.js';
import type { ReplayOptions } from '../consuming/replay/replay.js';
import type { AmbientContext } from '../context/ambient.js';
import type { TenancyFilter } from '../core/events/event-filter.js';
import type { Tenancy } from '../core/planning/event-context.js';
import type { SubscribeOptions } from '../delivery/bus/bus.js';
import { poolField, subscribeFields } from '../delivery/bus/bus-fields.js';
import type { ActionSettings } from '../operations/action/action.js';
import type { SendOptions } from '../persistence/guard/subscriber.js';
import type { EntityManager } from 'typeorm';
import type { JsonObject } from '../core/json/json.js';

/**
 * Options of `recordUsage()` and `raiseAlert()`: the resource concerned, details, and the transaction to
 * write in.
 */
export interface AnnouncementOptions extends AmbientContext, Tenancy {
  /** The resource it is about; it need not be one of this Signalbox. Default none. */
  readonly subject?: { readonly resource: string; readonly uuid: string };
  /** Facts for the event's data. Plain JSON. */
  readonly details?: JsonObject;
  /** The caller's transaction; without one the event is committed by itself. */
  readonly manager?: EntityManager;
}

/** How a resource is created. */
export interface CreateOptions extends AmbientContext {
  /** Why: goes into the event. */
  readonly reason?: string;
  /** The caller's transaction; without one the resource is committed by itself. */
  readonly manager?: EntityManager;
}

/** How a transition is made, and what its events say besides. */
export interface TransitionOptions extends AmbientContext {
  /** Why: goes into the event. */
  readonly reason?: string;
  /** The revision you decided by: any other in the row is a ConflictError. */
  readonly expectedRevision?: number;
  /** Values that guards may read besides the entity; not announced. */
  readonly payload?: Readonly<Record<string, unknown>>;
  /** Your transaction; without one the transition is committed by itself. */
  readonly manager?: EntityManager;
}

/** Null is what a row or a request without one holds. */
const maybeText = nullable(text());

const ambientFields: Fields<AmbientContext> = {
  actor: maybeText,
  correlationId: maybeText,
  causationId: maybeText,
};
const tenancyFields: Fields<Tenancy> = {
  account: maybeText,
  domain: maybeText,
  project: maybeText,
};
const revision = whole(0);

export const contextSchema = optionsOf<AmbientContext>('withContext()', ambientFields);

export const transitionSchema = optionsOf<TransitionOptions>('transition()', {
  ...ambientFields,
  reason: maybeText,
  expectedRevision: revision,
  payload: plainObject,
  manager,
});

export const sendSchema = optionsOf<SendOptions>('send()', {
  ...ambientFields,
  reason: maybeText,
  payload: plainObject,
});

const createFields: Fields<CreateOptions> = { ...ambientFields, reason: maybeText, manager };
export const createSchema = optionsOf<CreateOptions>('create()', createFields);
export const removeSchema = optionsOf<CreateOptions>('remove()', createFields);

const announcementFields: Fields<AnnouncementOptions> = {
  ...ambientFields,
  ...tenancyFields,
  subject,
  // What is no plain JSON in it is refused as such, by its path.
  details: plainObject,
  manager,
};
export const usageSchema = optionsOf<AnnouncementOptions>('recordUsage()', announcementFields);
export const alertSchema = optionsOf<AnnouncementOptions & { readonly body?: string }>(
  'raiseAlert()',
  {
    ...announcementFields,
    body: text(),
  },
);
export const actionSchema = optionsOf<ActionSettings>('action()', {
  ...announcementFields,
  description: text(),
});

const names = either(text(), listOf(text()));
const tenancyFilterFields: Fields<TenancyFilter> = {
  account: names,
  domain: names,
  project: names,
};

/** Options of `history()`. */
export interface HistoryOptions {
  /** A journal position: only what comes behind it. Default everything. */
  readonly after?: number;
  /** Records at the most. Default 1000. */
  readonly limit?: number;
}
export const historySchema = optionsOf<HistoryOptions & TenancyFilter>('history()', {
  ...tenancyFilterFields,
  after: whole(0),
  limit: whole(1),
});

/** The bus of a call, where there are several. */
interface OnBus {
  readonly bus?: string;
}

export const signalboxSubscribeSchema = optionsOf<SubscribeOptions & OnBus>('subscribe()', {
  ...subscribeFields,
  bus: text(1),
});

export const watchSchema = optionsOf<WatchOptions & OnBus>('watch()', {
  account: names,
  domain: names,
  project: names,
  states: listOf(text(1)),
  from: either(oneOf('snapshot', 'now'), whole(0)),
  buffer: whole(1),
  reconcile: either(oneOf(false), milliseconds(1, Number.MAX_SAFE_INTEGER)),
  starvedAfter: milliseconds(1),
  onFailure: callback,
  bus: text(1),
});

export const replaySchema = optionsOf<ReplayOptions & OnBus>('replay()', {
  pool: required(poolField),
  since: time,
  until: time,
  after: whole(0),
  limit: whole(0),
  rate: positive,
  within: options<TenancyFilter>(tenancyFilterFields),
  dryRun: flag,
  onRefused: callback,
  onProgress: callback,
  signal,
  bus: text(1),
});

/** A DataSource of TypeORM, initialized or not. */
export const dataSourceField = having('your initialized DataSource', 'manager', 'options');
