import { serviceUrl } from '../support/service-url.js';
import { openRabbitmqPlace } from '../bus/amqp/rabbitmq-place.js';
import { describeServices } from './service-scenarios.js';

describeServices('RabbitMQ', () => openRabbitmqPlace(serviceUrl('rabbitmq')));
