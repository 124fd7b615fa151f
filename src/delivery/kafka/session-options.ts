import type { KafkaAdmin, KafkaDriver, ReceivedRecord } from './driver.js';

/** Takes the records that a session reads. */
export interface RecordSink {
  /** False while it can take no more: the session then waits, and stays a member of its group. */
  hasRoom(): boolean;
  /** Takes a record. `done` is called when it need not come again. Must not throw. */
  take(record: ReceivedRecord, topic: string, partition: number, done: () => void): void;
  /** The partitions are being given up: forget what has not begun, it will be read again. */
  forget(): void;
  /** True while something that was taken is under way. */
  busy(): boolean;
}

/** Settings shared by all sessions of a bus. */
export interface SessionSettings {
  readonly driver: KafkaDriver;
  readonly admin: KafkaAdmin;
  /** The name of a group that nobody shares. */
  readonly ephemeralGroup: (id: string) => string;
  readonly sessionTimeout: number;
  readonly commitInterval: number;
  readonly startTimeout: number;
}

/** Options of one session: its topics, and its listeners. */
export interface SessionOptions extends SessionSettings {
  /** The group to share the topics with; undefined to read them alone and remember nothing. */
  readonly group: string | undefined;
  readonly topics: readonly string[];
  /** Where a group that remembers nothing yet begins. */
  readonly from: 'beginning' | 'end';
  readonly sink: RecordSink;
  /** How many records may be handed out between two commits; default none. */
  readonly reserve?: number;
  /** Purpose of the session in messages, such as `join the pool billing`. */
  readonly what: string;
  readonly onLost: (reason: string) => void;
  /** @param missed true when records were deleted before they could be read */
  readonly onBack: (missed: boolean) => void;
}
