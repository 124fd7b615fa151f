/** The RabbitMQ adapter: the entry `signalbox/amqp`. */
export { rabbitmq } from './rabbitmq.js';
export type { RabbitmqBus } from './rabbitmq.js';
export type { RabbitmqOptions, RabbitmqTls } from './options.js';
export type { ConsumerPoolCallback, ConsumerPoolOptions } from './consumer-pool.js';
export type { PoolDelivery, PoolMessage } from './pool-message.js';
export { cloudstackExchange, osloExchange, osloQueue } from './declarations.js';
export type {
  DeclarationArguments,
  OsloSettings,
  RabbitmqExchange,
  RabbitmqQueue,
} from './declarations.js';
