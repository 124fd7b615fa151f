import type { KafkaAdmin, KafkaDriver } from './driver.js';
import { isMovedLeader } from './kafka-error.js';

/** Where the log of a partition begins, and where it ends. */
export interface LogEnds {
  readonly partition: number;
  readonly low: string;
  readonly high: string;
}

/**
 * Where the logs of a topic begin and end. An admin of KafkaJS remembers for five minutes who leads a
 * partition, also when that broker answers that it no longer does; a new one asks.
 */
export async function fetchLogEnds(
  { driver, admin }: { readonly driver: KafkaDriver; readonly admin: KafkaAdmin },
  topic: string,
): Promise<readonly LogEnds[]> {
  try {
    return await admin.fetchTopicOffsets(topic);
  } catch (error) {
    if (!isMovedLeader(error)) throw error;
  }
  const fresh = driver.admin();
  try {
    await fresh.connect();
    return await fresh.fetchTopicOffsets(topic);
  } finally {
    await fresh.disconnect().catch(() => undefined);
  }
}
