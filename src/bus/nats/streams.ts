import { type JetStreamManager, JetStreamApiError, StorageType } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { ConfigurationError } from '../../errors/errors.js';
import { jetStreamError } from './nats-error.js';
import type { NatsNames } from './names.js';
import type { NatsSettings } from './options.js';

/** Makes the streams that are missing. Safe to call again. Rejects with what `jetStreamError` says. */
export async function declareStreams(
  manager: JetStreamManager,
  names: NatsNames,
  { maxAge, duplicateWindow, replicas }: NatsSettings,
): Promise<void> {
  const kept = { storage: StorageType.File, num_replicas: replicas };
  await declare(manager, names.stream, {
    ...kept,
    subjects: [`${names.keyPrefix}.>`, `${names.stream}.pool.>`],
    max_age: nanos(maxAge),
    duplicate_window: nanos(Math.min(duplicateWindow, maxAge)),
  });
  await declare(manager, names.deadStream, { ...kept, subjects: [`${names.deadStream}.*`] });
  await declare(manager, names.poolStream, {
    ...kept,
    subjects: [`${names.poolStream}.*`],
    max_msgs_per_subject: 1,
  });
}

async function declare(
  manager: JetStreamManager,
  name: string,
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
