import type { CredentialsProvider, PasswordCredentials } from '../bus/credentials.js';

/**
 * The part of KafkaJS's API that the adapter uses. A `Kafka` of kafkajs satisfies it, and another client
 * of that shape can be given as the option `driver`.
 */
export interface KafkaDriver {
  producer(config: ProducerConfig): KafkaProducer;
  consumer(config: ConsumerConfig): KafkaConsumer;
  admin(): KafkaAdmin;
  /** Cuts every connection and makes no more: called once, when the bus is closed. Beyond KafkaJS. */
  end?(): void;
}

/** How a client finds the cluster; in the words of KafkaJS. */
export interface KafkaClientConfig {
  readonly clientId: string;
  readonly brokers: string[];
  readonly ssl?: KafkaTls | true;
  readonly sasl?: KafkaSasl;
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
  readonly retry: RetryConfig;
}

/** How to reach brokers over TLS. The certificate and its host name are always checked. */
export interface KafkaTls {
  /** The authorities to trust, in PEM; default those of Node. */
  readonly ca?: string | Buffer | (string | Buffer)[];
  /** The client's certificate, in PEM, for brokers that demand one. */
  readonly cert?: string | Buffer;
  /** The key of the client's certificate, in PEM. */
  readonly key?: string | Buffer;
  /** Opens an encrypted key. */
  readonly passphrase?: string;
  /** The name that the brokers' certificates must carry; default the host of each. */
  readonly servername?: string;
}

/**
 * Authentication of the client. `credentials` gives the user and password that are valid now: it is called
 * at each connection, and again when the cluster ends a session. One that fails, or takes longer than 8 s,
 * is told as BUS_UNAVAILABLE.
 *
 * @example
 * kafka({
 *   brokers: 'kafka.example:9093',
 *   tls: true,
 *   sasl: {
 *     mechanism: 'scram-sha-512',
 *     credentials: async () => ({ username: 'cloud', password: await vault.read('kafka') }),
 *   },
 * });
 */
export type KafkaSasl =
  | PasswordSasl<'plain'>
  | PasswordSasl<'scram-sha-256'>
  | PasswordSasl<'scram-sha-512'>
  | ProvidedSasl<'plain' | 'scram-sha-256' | 'scram-sha-512'>
  | {
      readonly mechanism: 'oauthbearer';
      readonly oauthBearerProvider: () => Promise<{ value: string }>;
    };

export interface PasswordSasl<Mechanism extends string> {
  readonly mechanism: Mechanism;
  readonly username: string;
  readonly password: string;
}

export interface ProvidedSasl<Mechanism extends string> {
  readonly mechanism: Mechanism;
  readonly credentials: CredentialsProvider<PasswordCredentials>;
}

export interface RetryConfig {
  readonly retries: number;
  readonly initialRetryTime: number;
  readonly maxRetryTime: number;
  readonly restartOnFailure?: () => Promise<boolean>;
}

export interface ProducerConfig {
  readonly allowAutoTopicCreation: boolean;
  readonly retry: RetryConfig;
}

export interface KafkaProducer {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  sendBatch(batch: {
    acks: number;
    timeout: number;
    topicMessages: { topic: string; messages: KafkaRecord[] }[];
  }): Promise<unknown>;
}

/** A record to be written. */
export interface KafkaRecord {
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers: Record<string, string>;
}

export interface ConsumerConfig {
  readonly groupId: string;
  readonly sessionTimeout: number;
  readonly rebalanceTimeout: number;
  readonly heartbeatInterval: number;
  readonly maxWaitTimeInMs: number;
  readonly allowAutoTopicCreation: boolean;
  readonly retry: RetryConfig;
  /**
   * Asked before each join of the group: joining is tried again while it is false. Beyond KafkaJS; a
   * client that ignores it gives partitions up while their records are being handled.
   */
  readonly mayJoin: () => boolean;
}

export interface TopicPartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  /** Remembered beside a committed offset. */
  readonly metadata?: string;
}

export interface KafkaConsumer {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  subscribe(subscription: { topics: string[]; fromBeginning: boolean }): Promise<void>;
  run(config: {
    autoCommit: false;
    eachBatchAutoResolve: false;
    eachBatch: (payload: KafkaBatchPayload) => Promise<void>;
  }): Promise<void>;
  commitOffsets(offsets: TopicPartitionOffset[]): Promise<void>;
  seek(position: TopicPartitionOffset): void;
  pause(partitions: { topic: string; partitions: number[] }[]): void;
  resume(partitions: { topic: string; partitions: number[] }[]): void;
  on(
    event: 'consumer.group_join',
    listener: (event: { payload: { memberAssignment: Record<string, number[]> } }) => void,
  ): unknown;
  on(event: 'consumer.rebalancing', listener: () => void): unknown;
  on(
    event: 'consumer.crash',
    listener: (event: { payload: { error: Error; restart: boolean } }) => void,
  ): unknown;
}

export interface KafkaBatchPayload {
  readonly batch: {
    readonly topic: string;
    readonly partition: number;
    readonly messages: readonly ReceivedRecord[];
  };
  resolveOffset(offset: string): void;
  heartbeat(): Promise<void>;
  isRunning(): boolean;
  isStale(): boolean;
}

/** A record as it was read. */
export interface ReceivedRecord {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
}

export interface KafkaAdmin {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  fetchTopicMetadata(options: { topics: string[] }): Promise<{
    topics: { name: string; partitions: { partitionId: number }[] }[];
  }>;
  fetchTopicOffsets(topic: string): Promise<{ partition: number; high: string; low: string }[]>;
  fetchOffsets(options: { groupId: string; topics: string[] }): Promise<
    {
      topic: string;
      partitions: { partition: number; offset: string; metadata?: string | null }[];
    }[]
  >;
  deleteGroups(groupIds: string[]): Promise<unknown>;
}
