import { KafkaJSNumberOfRetriesExceeded } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { kafkaError } from '../../../src/delivery/kafka/kafka-error.js';

const protocolError = (type: string): Error =>
  Object.assign(new Error(`Kafka says ${type}`), { type });

const exceeded = (cause: Error): Error =>
  new KafkaJSNumberOfRetriesExceeded(cause, { retryCount: 5, retryTime: 1 });

describe('an error of the cluster', () => {
  it.each([
    [
      'BUS_CREDENTIALS_REFUSED',
      Object.assign(new Error('SASL PLAIN failed'), { name: 'KafkaJSSASLAuthenticationError' }),
    ],
    ['BUS_CREDENTIALS_REFUSED', exceeded(protocolError('GROUP_AUTHORIZATION_FAILED'))],
    ['TOPIC_MISSING', exceeded(protocolError('UNKNOWN_TOPIC_OR_PARTITION'))],
    ['BUS_TLS_FAILED', exceeded(new Error('Connection error: self-signed certificate'))],
    ['BUS_UNAVAILABLE', exceeded(new Error('Connection error: connect ECONNREFUSED'))],
    ['BUS_UNAVAILABLE', 'what is no error'],
  ])('is %s', (code, cause) => {
    const error = kafkaError(cause, 'join the pool billing');
    expect(error).toMatchObject({ code, cause });
    expect(error.message).toMatch(/Kafka|join the pool billing/);
  });

  it('of ours stays what it is', () => {
    const error = kafkaError(new Error('x'), 'y');
    expect(kafkaError(error, 'z')).toBe(error);
  });
});
