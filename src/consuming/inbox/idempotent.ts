import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import { callback, field, text } from '../../core/options/fields.js';
import type { DataSource, EntityManager } from 'typeorm';
import type { Delivery } from '../../delivery/bus/bus.js';
import { DeadLetterError } from '../../delivery/bus/dead-letter-error.js';
import { failpoint } from '../../core/failpoints/failpoints.js';
import { ConfigurationError, ConflictError } from '../../core/errors/errors.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import { utf8Length } from '../../core/json/plain-json.js';
import { databaseFailure } from '../../persistence/commit/database-failure.js';
import { ownTransaction } from '../../persistence/commit/own-transaction.js';
import type { InboxRef, InboxStore } from '../../persistence/inbox-store.js';
import { looksSpaced } from '../../persistence/application.js';
import { openInboxOf } from '../../persistence/open-inbox.js';
import { revisionGap, trackedChange, type RevisionGap, type TrackedResource } from './revisions.js';

/** How a handler is made idempotent. */
export interface IdempotentOptions {
  /**
   * Name of the consumer that owns the inbox: two consumers each handle a message once. Default the name
   * of the pool that the message was delivered to; needed where there is no pool. At most 255 characters.
   */
  readonly consumer?: string;
  /**
   * Application of the consumer, where several share the database: consumers of one name in two
   * applications are two. Default the application of the Signalbox on the DataSource, and the first one
   * where there is none.
   */
  readonly application?: string;
  /**
   * Told, in the transaction and before the handler, when the revision of a state change does not
   * follow the highest that this consumer has handled of the resource. What is known is kept in the
   * database and so outlives the process. Default nobody is told, and no revision is kept.
   */
  readonly onGap?: (gap: RevisionGap, manager: EntityManager) => void | Promise<void>;
}

/** The longest text that both columns of the key hold on every database. */
const longestKey = 255;

export const idempotentSchema = optionsOf<IdempotentOptions>('idempotent()', {
  consumer: field(
    `a name of 1 to ${longestKey} characters`,
    (value) => typeof value === 'string' && isKeepable(value),
  ),
  application: text(1, 255),
  onGap: callback,
});

/** A message with a stable id, so that redeliveries can be recognised: an event, or a message. */
export interface Identified {
  readonly id: string;
}

/**
 * Wraps a handler so that its writes take effect exactly once for each message: they are committed
 * together with a note of the message's id, and a message that is noted is acknowledged without the
 * handler. Redeliveries, replays and redriven dead letters are no-ops for as long as notes are kept
 * (`purgeInbox`). Of two members that get the same message at once, one waits for the other.
 *
 * The handler gets the transaction's EntityManager before its usual arguments, so it fits
 * `signalbox.subscribe`, `subscribeEvents` and `bus.subscribe`. Only what it writes through that manager
 * is exactly once; what else it does may happen again. A handler that throws leaves nothing: no write,
 * no note. It is run again, at once, when the database gives its transaction up for another one.
 *
 * Throws ConfigurationError CONFIG_VALUE_INVALID for a consumer's name that cannot be kept. A delivery
 * fails with ConfigurationError DATABASE_NOT_MIGRATED without the table, and CONFIG_VALUE_INVALID where
 * there is neither pool nor `consumer`; with ConflictError TRANSACTION_LOST when a statement failed, the
 * handler went on, and the database had already rolled everything back. A message without an id is
 * dead-lettered.
 *
 * @example
 * await signalbox.subscribe(
 *   { category: 'UsageEvent' },
 *   idempotent(dataSource, async (manager, event) => {
 *     await manager.increment(Invoice, { account: event.account }, 'items', 1);
 *   }),
 *   { pool: 'billing' },
 * );
 */
export function idempotent<M extends Identified, Rest extends readonly unknown[]>(
  dataSource: DataSource,
  handler: (manager: EntityManager, message: M, ...rest: Rest) => void | Promise<void>,
  options: IdempotentOptions = {},
): (message: M, ...rest: Rest) => Promise<void> {
  checkOptions(idempotentSchema, options);
  const { application, consumer, onGap } = options;
  let inbox: InboxStore | undefined;
  return async (message, ...rest) => {
    // Not before: the DataSource may be initialized after the handler was made.
    inbox ??= await openInboxOf(dataSource, application);
    const ref = { consumer: unspaced(consumer ?? poolOf(message, rest)), id: message.id };
    if (!isKeepable(ref.id)) {
      throw new DeadLetterError(
        `a message whose id ${ref.id === '' ? 'is empty' : 'exceeds 255 characters'} cannot be told from its redeliveries`,
      );
    }
    await handleOnce(dataSource, inbox, ref, async (manager, store) => {
      const note = onGap && (await reportGap(store, manager, ref.consumer, message, onGap));
      await handler(manager, message, ...rest);
      await note?.();
    });
  };
}

async function handleOnce(
  dataSource: DataSource,
  inbox: InboxStore,
  ref: InboxRef,
  work: (manager: EntityManager, inbox: InboxStore) => Promise<void>,
): Promise<void> {
  let thrown: { readonly by: unknown } | undefined;
  try {
    await ownTransaction(
      dataSource,
      async (manager) => {
        thrown = undefined;
        if (!(await inbox.claimWithin(manager, ref))) return;
        try {
          await work(manager, inbox);
        } catch (error) {
          thrown = { by: error };
          throw error;
        }
        await assertHeld(inbox, manager, ref);
        failpoint('inbox commit');
      },
      // Nobody else can have noted it: the note is the first row of the transaction.
      { isThere: (manager) => inbox.holdsWithin(manager, ref) },
    );
  } catch (error) {
    // Errors of the handler pass unchanged; all others come from the database.
    throw thrown === undefined ? error : thrown.by;
  }
}

/**
 * A handler that catches the error of a statement and goes on is in a transaction that PostgreSQL will
 * not commit, and that MySQL has already rolled back after a deadlock: a commit would then do nothing,
 * or half, and say that all is well.
 */
async function assertHeld(inbox: InboxStore, manager: EntityManager, ref: InboxRef): Promise<void> {
  let cause: unknown;
  try {
    if (await inbox.holdsWithin(manager, ref)) return;
  } catch (error) {
    if (databaseFailure(error) !== 'transaction-lost') throw error;
    cause = error;
  }
  throw new ConflictError(
    'TRANSACTION_LOST',
    `A statement of the handler of ${ref.consumer} failed and the handler went on, but the database had rolled its transaction back. Let the error pass, or use a savepoint.`,
    { parameters: { consumer: ref.consumer, id: ref.id }, cause },
  );
}

/** Reports what the revision tells, and returns what notes it once the event is handled. */
async function reportGap(
  inbox: InboxStore,
  manager: EntityManager,
  consumer: string,
  message: Identified,
  onGap: NonNullable<IdempotentOptions['onGap']>,
): Promise<(() => Promise<void>) | undefined> {
  const change = isEvent(message) ? trackedChange(message) : undefined;
  if (change === undefined || !isKeepableResource(change)) return undefined;
  const ref = { consumer, resource: change.resource, uuid: change.uuid };
  const gap = revisionGap(await inbox.seenWithin(manager, ref), change);
  if (gap !== undefined) await onGap(gap, manager);
  return () => inbox.noteSeenWithin(manager, ref, change.removed ? undefined : change.revision);
}

function poolOf(message: Identified, rest: readonly unknown[]): string {
  const delivery = [message, ...rest].find(isDelivery);
  if (delivery?.pool !== undefined) return delivery.pool;
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    'An idempotent handler outside of a pool has no name to keep its inbox under. Subscribe with a pool, or pass idempotent(dataSource, handler, { consumer }).',
    { parameters: { key: 'consumer' } },
  );
}

/** Keeps a consumer from being taken for one of another application. */
function unspaced(consumer: string): string {
  if (!looksSpaced(consumer)) return consumer;
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `The name ${JSON.stringify(consumer)} of a consumer begins with a digit and has a '#', as those of other applications are kept. Pass another one: idempotent(dataSource, handler, { consumer }).`,
    { parameters: { key: 'consumer' } },
  );
}

function isDelivery(value: unknown): value is Delivery {
  return typeof value === 'object' && value !== null && 'attempt' in value && 'body' in value;
}

function isEvent(message: object): message is SignalboxEvent {
  return 'specversion' in message && 'category' in message && 'data' in message;
}

/** Our own always are; an event of another program may name its resource as it likes. */
function isKeepableResource({ resource, uuid }: TrackedResource): boolean {
  return isKeepable(resource) && /^[\x21-\x7e]{1,64}$/.test(uuid);
}

function isKeepable(text: string): boolean {
  return text !== '' && text.length <= longestKey && utf8Length(text) <= longestKey * 4;
}
