/** The Kafka adapter: the entry `signalbox/kafka`. */
export { kafka } from './kafka.js';
export type { SocketFactory } from './gated-sockets.js';
export { kafkajsDriver } from './kafkajs-driver.js';
export type { KafkaOptions } from './options.js';
export type {
  ConsumerConfig,
  KafkaAdmin,
  KafkaBatchPayload,
  KafkaClientConfig,
  KafkaConsumer,
  KafkaDriver,
  KafkaProducer,
  KafkaRecord,
  KafkaSasl,
  KafkaTls,
  PasswordSasl,
  ProducerConfig,
  ProvidedSasl,
  ReceivedRecord,
  RetryConfig,
  TopicPartitionOffset,
} from './driver.js';
