/** The RabbitMQ adapter: the entry `signalbox/amqp`. */
export { rabbitmq } from './rabbitmq.js';
export type { RabbitmqOptions, RabbitmqTls } from './options.js';
export type { BusNotice, BusNoticeListener } from '../notice.js';
