/** The Kafka adapter: the entry `signalbox/kafka`. */
export { kafka } from './kafka.js';
export { kafkajsDriver } from './kafkajs-driver.js';
export type { KafkaOptions } from './options.js';
export type { KafkaClientConfig, KafkaDriver, KafkaSasl, KafkaTls } from './driver.js';
export type { CredentialsProvider, PasswordCredentials } from '../bus/credentials.js';
export type { BusNotice, BusNoticeListener } from '../bus/notice.js';
