import { openRabbitmqPlace } from '../../delivery/amqp/rabbitmq-place.js';
import { serviceUrl } from '../../support/service-url.js';
import { describeEvents } from './event-scenarios.js';

describeEvents('RabbitMQ', () => openRabbitmqPlace(serviceUrl('rabbitmq')));
