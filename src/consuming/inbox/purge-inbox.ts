import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import { callback, milliseconds, required, text } from '../../core/options/fields.js';
import type { DataSource } from 'typeorm';
import { databaseError } from '../../persistence/commit/database-errors.js';
import { openInboxOf } from '../../persistence/open-inbox.js';

/** How long notes of handled messages are kept. */
export interface InboxRetention {
  /**
   * Milliseconds. Choose more than a dead letter may lie before it is redriven, and than replays reach
   * back: an older message that comes again is handled again.
   */
  readonly retention: number;
  /**
   * Application whose notes are purged, where several share the database. Default the application of the
   * Signalbox on the DataSource, and the first one where there is none.
   */
  readonly application?: string;
}

const retentionField = required(milliseconds(0, Number.MAX_SAFE_INTEGER));

export const purgeInboxSchema = optionsOf<InboxRetention>('purgeInbox()', {
  retention: retentionField,
  application: text(1, 255),
});

/** How many notes one statement deletes: its locks are short, and others get between. */
const batch = 1000;

/**
 * Deletes the notes of messages that were handled longer ago than the retention, by the database's
 * clock, and resolves with how many. Safe to call from several processes. Rejects with
 * ConfigurationError CONFIG_VALUE_INVALID, RefusedError UNKNOWN_APPLICATION, and with the typed errors of the
 * database.
 */
export async function purgeInbox(dataSource: DataSource, options: InboxRetention): Promise<number> {
  checkOptions(purgeInboxSchema, options);
  const { application, retention } = options;
  let purged = 0;
  try {
    const inbox = await openInboxOf(dataSource, application);
    for (;;) {
      const deleted = await inbox.purge({ olderThan: Math.round(retention), limit: batch });
      purged += deleted;
      if (deleted < batch) return purged;
    }
  } catch (error) {
    throw databaseError(error);
  }
}

/** When a process purges its inbox by itself. */
export interface InboxPurgeOptions extends InboxRetention {
  /** Milliseconds between purges. Default 3,600,000 (an hour). */
  readonly interval?: number;
  /** Told what a purge failed with; the next one is tried in any case. */
  readonly onFailure?: (error: unknown) => void;
}

export const purgeInboxRegularlySchema = optionsOf<InboxPurgeOptions>('purgeInboxRegularly()', {
  retention: retentionField,
  application: text(1, 255),
  interval: milliseconds(1, Number.MAX_SAFE_INTEGER),
  onFailure: callback,
});

/** Ends the purging. */
export interface InboxPurge extends AsyncDisposable {
  /** Waits for a purge under way. Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Purges at once and then every `interval`, until stopped; keeps no process alive by itself. Throws
 * ConfigurationError CONFIG_VALUE_INVALID.
 */
export function purgeInboxRegularly(
  dataSource: DataSource,
  options: InboxPurgeOptions,
): InboxPurge {
  checkOptions(purgeInboxRegularlySchema, options);
  const { retention, interval = 3_600_000, onFailure = () => {} } = options;
  let underWay: Promise<unknown> = Promise.resolve();
  const purge = (): void => {
    underWay = underWay.then(() => purgeInbox(dataSource, { retention })).catch(onFailure);
  };
  // The longest that a timer takes; more would fire at once.
  const timer = setInterval(purge, Math.min(interval, 2 ** 31 - 1));
  timer.unref();
  purge();
  const stop = async (): Promise<void> => {
    clearInterval(timer);
    await underWay;
  };
  return { stop, [Symbol.asyncDispose]: stop };
}
