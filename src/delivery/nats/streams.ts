import { setTimeout as delay } from 'node:timers/promises';
import { type JetStreamManager, JetStreamApiError, StorageType } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { ConfigurationError } from '../../core/errors/errors.js';
import { jetStreamError } from './nats-error.js';
import type { NatsNames } from './names.js';
import type { NatsSettings } from './options.js';

/**
 * Milliseconds until a stream that somebody deleted is made again. Servers of 2.9 say that it is gone before
 * they have removed its files, and remove those of one that is made in its place with them: what that has
 * confirmed is lost.
 */
const removal = 1_000;

/**
 * Makes the streams that are missing. Safe to call again. Rejects with what `jetStreamError` says.
 *
 * @param anew Whether they were there before: then somebody has deleted what is missing, maybe just now.
 */
export async function declareStreams(
  manager: JetStreamManager,
  names: NatsNames,
  { maxAge, duplicateWindow, replicas }: NatsSettings,
  { anew = false } = {},
): Promise<void> {
  const kept = { storage: StorageType.File, num_replicas: replicas };
  const patience = anew ? removal : 0;
  await Promise.all([
    declare(manager, names.stream, patience, {
      ...kept,
      subjects: [`${names.keyPrefix}.>`, `${names.stream}.pool.>`],
      max_age: nanos(maxAge),
      duplicate_window: nanos(Math.min(duplicateWindow, maxAge)),
    }),
    declare(manager, names.deadStream, patience, { ...kept, subjects: [`${names.deadStream}.*`] }),
    declare(manager, names.poolStream, patience, {
      ...kept,
      subjects: [`${names.poolStream}.*`],
      max_msgs_per_subject: 1,
    }),
  ]);
}

async function declare(
  manager: JetStreamManager,
  name: string,
  patience: number,
  configuration: Parameters<JetStreamManager['streams']['update']>[1] & {
    readonly subjects: string[];
  },
): Promise<void> {
  try {
    const found = await manager.streams.info(name).catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (found === undefined) {
      if (patience > 0) await delay(patience);
      await manager.streams.add({ ...configuration, name });
      return;
    }
    const missing = configuration.subjects.filter(
      (subject) => !found.config.subjects.includes(subject),
    );
    if (missing.length > 0) {
      throw new ConfigurationError(
        'TOPOLOGY_CONFLICT',
        `The stream ${name} exists and does not keep ${missing.join(', ')}. Choose another stream, or give it these subjects.`,
        { parameters: { name } },
      );
    }
  } catch (error) {
    throw jetStreamError(error, `the stream ${name}`);
  }
}

/** Whether a stream or a consumer does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && (error.code === 10059 || error.code === 10014);
}
