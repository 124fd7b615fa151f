import { ConfigurationError } from '../../core/errors/errors.js';
import { utf8Length } from '../../core/json/plain-json.js';

/** Arguments of a declaration, such as `x-queue-type`. */
export type DeclarationArguments = Readonly<Record<string, string | number | boolean>>;

/**
 * An exchange with the settings it is declared with: those of whoever owns it. The broker refuses two
 * programs that declare one exchange differently, whichever comes second.
 */
export interface RabbitmqExchange {
  /** 1 to 255 bytes; what begins with `amq.` exists already and is named, not declared. */
  readonly name: string;
  /** Default `topic`. */
  readonly type?: 'topic' | 'direct' | 'fanout';
  /** Whether it survives a restart of the broker. Default true. */
  readonly durable?: boolean;
  /** Whether it vanishes with its last binding. Default false. */
  readonly autoDelete?: boolean;
  /** Default none. */
  readonly arguments?: DeclarationArguments;
}

/** A queue with the settings it is declared with: those of whoever owns it. */
export interface RabbitmqQueue {
  /** 1 to 255 bytes, not beginning with `amq.`. */
  readonly name: string;
  /** Whether it survives a restart of the broker. Default true. */
  readonly durable?: boolean;
  /** Whether it vanishes with its last consumer. Default false. */
  readonly autoDelete?: boolean;
  /** Default none. */
  readonly arguments?: DeclarationArguments;
}

/** Options of oslo.messaging that change what a peer declares; the defaults are theirs. */
export interface OsloSettings {
  /** The peer's `amqp_durable_queues`. Default false. */
  readonly durable?: boolean;
  /** The peer's `amqp_auto_delete`. Default false. */
  readonly autoDelete?: boolean;
  /** The peer's `rabbit_quorum_queue`: quorum queues, all durable. Default false. */
  readonly quorum?: boolean;
}

/**
 * Pure. The control exchange of an OpenStack service, such as `nova`, as oslo.messaging declares it: a
 * topic exchange that, unless the service was configured otherwise, does not survive a restart.
 *
 * @example
 * await bus.joinConsumerPool(
 *   { pool: 'inventory', topic: 'notifications.info', exchange: osloExchange('nova') },
 *   (body) => console.log(body),
 * );
 */
export function osloExchange(name: string, settings: OsloSettings = {}): RabbitmqExchange {
  const { durable = false, autoDelete = false, quorum = false } = settings;
  return { name, type: 'topic', durable: durable || quorum, autoDelete };
}

/**
 * Pure. A queue as oslo.messaging declares it: a listener's pool is a queue with the pool's name, and
 * without a pool `notifications.info` and the like. Take it to be a member of a pool together with
 * oslo listeners. RabbitMQ 4.3 refuses the default, a transient queue; peers then use `quorum`.
 */
export function osloQueue(name: string, settings: OsloSettings = {}): RabbitmqQueue {
  const { durable = false, autoDelete = false, quorum = false } = settings;
  return {
    name,
    durable: durable || quorum,
    autoDelete,
    ...(quorum ? { arguments: { 'x-queue-type': 'quorum' } } : {}),
  };
}

/** Pure. The exchange of CloudStack's event bus as it declares it, at every publish: a durable topic. */
export function cloudstackExchange(name = 'cloudstack-events'): RabbitmqExchange {
  return { name, type: 'topic', durable: true, autoDelete: false };
}

const exchangeTypes = new Set(['topic', 'direct', 'fanout']);

/**
 * Pure. Throws ConfigurationError CONFIG_VALUE_INVALID for an exchange that no broker lets anybody
 * name or declare.
 *
 * @param option what the caller calls it, for the message
 */
export function assertExchange(exchange: string | RabbitmqExchange, option: string): void {
  if (typeof exchange === 'string') {
    assertName(exchange, option);
    return;
  }
  assertName(exchange.name, option);
  assertNotReserved(exchange.name, option, 'Give only its name, to use the one that exists');
  const { type = 'topic' } = exchange;
  if (exchangeTypes.has(type)) return;
  throw invalid(
    option,
    exchange.name,
    `has the type ${JSON.stringify(type)}, not topic, direct or fanout`,
  );
}

/** Pure. As `assertExchange`, for a queue. */
export function assertQueue(queue: string | RabbitmqQueue, option: string): void {
  const name = typeof queue === 'string' ? queue : queue.name;
  assertName(name, option);
  assertNotReserved(name, option, 'Choose another name');
}

/** Pure. Throws for a text that AMQP cannot carry as a name: empty, over 255 bytes, or no text. */
export function assertName(name: string, option: string): void {
  if (typeof name !== 'string' || name === '') throw invalid(option, name, 'is a name');
  if (/\p{Surrogate}/u.test(name)) {
    throw invalid(option, JSON.stringify(name), 'has half a character in it, which is no UTF-8');
  }
  if (utf8Length(name) > 255) throw invalid(option, name, 'exceeds the 255 bytes of AMQP');
}

function assertNotReserved(name: string, option: string, remedy: string): void {
  if (!name.startsWith('amq.')) return;
  throw invalid(option, name, `begins with amq., which brokers reserve. ${remedy}`);
}

function invalid(key: string, value: string, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `${key} "${value}" ${problem}.`, {
    parameters: { key, value },
  });
}
