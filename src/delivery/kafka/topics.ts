import { ConfigurationError } from '../../core/errors/errors.js';
import { utf8Length } from '../../core/json/plain-json.js';

/** The names of everything a bus uses on a cluster; see `docs/kafka.md`. */
export interface KafkaNames {
  /** Topic of all events. */
  readonly topic: string;
  /** Returns the topic of one pool alone: replays and redriven dead letters. */
  poolTopic(pool: string): string;
  deadLetterTopic(pool: string): string;
  /** The consumer group of a pool. */
  group(pool: string): string;
  /** The consumer group of a reader that nobody shares. */
  ephemeralGroup(id: string): string;
}

/** The most that Kafka takes. */
const longestTopic = 249;

/**
 * Pure. No two pools of a topic share a name, and none is the topic of another bus: outside letters,
 * digits and dashes every byte of a pool's name is written as an underscore and two hexadecimal digits.
 */
export function kafkaNames(topic: string): KafkaNames {
  const name = (kind: string, pool: string): string => {
    const full = `${topic}.${kind}.${encodePool(pool)}`;
    if (utf8Length(full) <= longestTopic) return full;
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `The topic ${full} of the pool ${JSON.stringify(pool)} exceeds ${longestTopic} characters. Shorten the pool's name.`,
      { parameters: { key: 'pool', value: pool } },
    );
  };
  return {
    topic,
    poolTopic: (pool) => name('pool', pool),
    deadLetterTopic: (pool) => name('dead', pool),
    group: (pool) => name('pool', pool),
    ephemeralGroup: (id) => `${topic}.ephemeral.${id}`,
  };
}

function encodePool(pool: string): string {
  let text = '';
  for (const byte of Buffer.from(pool)) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9-]/.test(character)
      ? character
      : `_${byte.toString(16).padStart(2, '0').toUpperCase()}`;
  }
  return text;
}
