import { optionsOf } from '../core/options/check-options.js';
import {
  callback,
  either,
  field,
  flag,
  having,
  listOf,
  milliseconds,
  oneOf,
  options,
  required,
  text,
  whole,
} from '../core/options/fields.js';
import { busesField } from '../delivery/bus/bus-fields.js';
import { formatField } from '../delivery/formats/formats.js';
import { relayFields, type RelayOptions } from '../delivery/relay/relay-options.js';
import { sweeperFields, type SweeperOptions } from '../operations/deadlines/sweeper.js';
import { groupCommitFields, type GroupCommitOptions } from '../persistence/commit/group-commit.js';
import { dataSourceField } from './call-options.js';
import type { DataSource } from 'typeorm';
import type { Bus } from '../delivery/bus/bus.js';
import type { Format } from '../delivery/formats/format.js';
import type { EventTypes } from '../core/events/event-types.js';
import type { RelayListener } from '../delivery/relay/relay-notice.js';
import type { ResourceDefinition } from '../persistence/resource/resource.js';

/** Options of `createSignalbox()`. */
export interface SignalboxOptions<E extends EventTypes = EventTypes> {
  /** Your initialized DataSource: postgres, mysql, mariadb or better-sqlite3. */
  readonly dataSource: DataSource;
  /** The entity classes with a lifecycle, and what `mapResource` returned for others. */
  readonly resources: readonly ResourceDefinition[];
  /**
   * Where events are published: one bus, several, or none (then the journal keeps them). Every relay
   * of one database that have a bus must have the same ones, by name; one without leaves the outbox to them.
   */
  readonly bus?: Bus | readonly Bus[];
  /** Name of this program, such as `compute`: who publishes, the first word of every routing key. */
  readonly source: string;
  /**
   * Application that owns the outbox, deadlines and jobs, where several share the database. Default the
   * `source`. All processes of one product have the same; those of two must not: each relays and fires its
   * own.
   */
  readonly application?: string;
  /**
   * Schema of Signalbox's own tables; on MySQL and MariaDB their database. Default the `schema` of the
   * DataSource, else what the connection finds by itself. SQLite has none.
   */
  readonly schema?: string;
  /**
   * Prefix of Signalbox's own tables, in place of `signalbox_`: 1 to 32 lower-case letters, digits and
   * underscores. Make the tables by `migrationsFor({ schema, tablePrefix })`.
   */
  readonly tablePrefix?: string;
  /**
   * The event types that this program announces: what `defineEventTypes` returned, or
   * `cloudStackEventTypes`. They must include the effects of the lifecycles. Default only the alerts that
   * Signalbox raises.
   */
  readonly eventTypes?: E;
  /** The largest event in bytes of UTF-8. Default 262,144 (256 KiB). */
  readonly maxPayload?: number;
  /**
   * Whether this process moves the outbox to the buses. Default true; false where `signalbox relay`
   * runs apart. Several relays share the work.
   */
  readonly relay?: boolean | RelayOptions;
  /** Told when the outbox lags, an event is parked, a bus or the database is away, and the like. */
  readonly onRelayNotice?: RelayListener;
  /** Whether this process fires deadlines. Default true; several share the work. */
  readonly deadlines?: boolean | SweeperOptions;
  /**
   * Whether clients write to one node of a Galera cluster at a time, or to several at once. Required
   * where the server is a node of one (`wsrep_on`), and refused elsewhere.
   */
  readonly galera?: 'single-writer' | 'several-writers';
  /** How concurrent transitions share commits. */
  readonly groupCommit?: GroupCommitOptions;
  /**
   * Milliseconds that `close()` waits for handlers, watches and calls under way before it refuses calls.
   * Default 10,000. The relay's and the deadlines' `stopTimeout` come on top.
   */
  readonly closeTimeout?: number;
  /**
   * How events look on each bus that has no format of its own (`rabbitmq({ url, format })`). Default
   * `cloudEvents`: CloudEvents 1.0 JSON.
   */
  readonly format?: Format;
}

/** Options of `createRelay()`. */
export interface RelaySetup {
  /** Your initialized DataSource. It needs no entities. */
  readonly dataSource: DataSource;
  /**
   * One bus or several. All relays of a database need the same buses, by name: any of them may take
   * any event.
   */
  readonly bus: Bus | readonly Bus[];
  /** Format of events on each bus that has none of its own. Default `cloudEvents`. */
  readonly format?: Format;
  /** Source of the relay's own alerts. Default `signalbox-relay`. */
  readonly source?: string;
  /** Schema of Signalbox's own tables, as `createSignalbox` has it. */
  readonly schema?: string;
  /** Prefix of Signalbox's own tables, as `createSignalbox` has it. Default `signalbox_`. */
  readonly tablePrefix?: string;
  /** Receives notices: leases, lag, parked events, what is away. */
  readonly onNotice?: RelayListener;
  readonly options?: RelayOptions;
}

const resource = field(
  'entity classes and what mapResource returned',
  (value) =>
    typeof value === 'function' ||
    (typeof value === 'object' && value !== null && 'entity' in value && 'lifecycle' in value),
);

const source = field(
  "the name of this program, such as 'compute'",
  (value) => typeof value === 'string' && value !== '',
);

/** Schema of the options of `createSignalbox()`. */
export const signalboxSchema = optionsOf<SignalboxOptions>('createSignalbox', {
  dataSource: required(dataSourceField),
  resources: required(listOf(resource)),
  bus: busesField,
  source: required(source),
  application: text(1, 255),
  schema: text(1, 63),
  tablePrefix: text(1, 32),
  eventTypes: having('what defineEventTypes returned', 'has', 'names'),
  maxPayload: whole(1),
  relay: either(flag, options<RelayOptions>(relayFields)),
  onRelayNotice: callback,
  deadlines: either(flag, options<SweeperOptions>(sweeperFields)),
  galera: oneOf('single-writer', 'several-writers'),
  groupCommit: options<GroupCommitOptions>(groupCommitFields),
  closeTimeout: milliseconds(0),
  format: formatField,
});

/** Schema of the options of `createRelay()`. */
export const relaySchema = optionsOf<RelaySetup>('createRelay()', {
  dataSource: required(dataSourceField),
  bus: required(busesField),
  format: formatField,
  source,
  schema: text(1, 63),
  tablePrefix: text(1, 32),
  onNotice: callback,
  options: options<RelayOptions>(relayFields),
});
