import { createHash } from 'node:crypto';
import { subjectWord } from './subject.js';

/** The streams, subjects and consumers that a bus uses; see `docs/nats.md`. */
export interface NatsNames {
  /** Keeps what is published. */
  readonly stream: string;
  /** Keeps dead letters until they are redriven or dropped. */
  readonly deadStream: string;
  /** Keeps one record for each pool. */
  readonly poolStream: string;
  /** Before the routing key, in the subject of what is for everybody. */
  readonly keyPrefix: string;
  /** Before the routing key, in the subject of what is for one pool. */
  poolPrefix(pool: string): string;
  deadSubject(pool: string): string;
  /** Keeps the bodies for which the pool's dead letters have no room. */
  bodySubject(pool: string): string;
  poolSubject(pool: string): string;
  /** Remembers that handlers of one message began. */
  begunSubject(hash: string): string;
  /** The durable consumer of a pool; the other is for what is given to it alone. */
  consumer(pool: string): string;
  directConsumer(pool: string): string;
}

/** Pure. Names of consumers have few characters, so a hash keeps the pools apart. */
export function natsNames(stream: string): NatsNames {
  const consumer = (pool: string): string => {
    const readable = pool.replaceAll(/[^\w-]/g, '_').slice(0, 40);
    return `${readable}-${createHash('sha256').update(pool).digest('hex').slice(0, 12)}`;
  };
  return {
    stream,
    deadStream: `${stream}-dead`,
    poolStream: `${stream}-pools`,
    keyPrefix: `${stream}.key`,
    poolPrefix: (pool) => `${stream}.pool.${onlyWord(pool)}`,
    deadSubject: (pool) => `${stream}-dead.${onlyWord(pool)}`,
    // No pool's, as below.
    bodySubject: (pool) => `${stream}-dead.%%body-${onlyWord(pool)}`,
    poolSubject: (pool) => `${stream}-pools.${onlyWord(pool)}`,
    // No pool's: in an encoded name two digits come after each percent sign.
    begunSubject: (hash) => `${stream}-pools.%%begun-${hash}`,
    consumer,
    directConsumer: (pool) => `${consumer(pool)}-direct`,
  };
}

/** A pool's name may have dots, and is one word of the subject all the same. */
function onlyWord(pool: string): string {
  return subjectWord(pool).replaceAll('.', '%2E');
}
