import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kafkaAddress } from '../../../src/delivery/kafka/address.js';
import { completeKafkaOptions } from '../../../src/delivery/kafka/options.js';
import { producerProperties } from '../../../src/delivery/kafka/producer-properties.js';
import { parseProperties } from '../../../src/delivery/kafka/properties.js';
import { kafkaNames } from '../../../src/delivery/kafka/topics.js';

const properties = (text: string) =>
  producerProperties(parseProperties(text), (path) => `PEM of ${path}`);

describe('options', () => {
  it('have defaults', () => {
    const settings = completeKafkaOptions({ brokers: 'localhost:9092' });
    expect(settings).toMatchObject({
      name: 'kafka',
      topic: 'signalbox',
      publishTimeout: 30_000,
      sessionTimeout: 30_000,
      client: { clientId: 'signalbox', brokers: ['localhost:9092'] },
      format: { name: 'cloudevents-binary' },
    });
    expect(settings.client).not.toHaveProperty('ssl');
  });

  it.each([
    ['no broker', {}],
    ['a broker without a port', { brokers: 'localhost' }],
    ['a broker that is a URL', { brokers: 'kafka://localhost:9092' }],
    ['a port that is none', { brokers: 'localhost:99999' }],
    ['a topic Kafka does not take', { brokers: 'h:1', topic: 'a/b' }],
    ['a session that is too short', { brokers: 'h:1', sessionTimeout: 10 }],
    ['a format that is none', { brokers: 'h:1', format: {} as never }],
  ])('are refused with %s', (_, options) => {
    expect(() => completeKafkaOptions(options)).toThrow(
      expect.objectContaining({ code: 'CONFIG_VALUE_INVALID' }) as Error,
    );
  });

  it('win over the properties file', () => {
    const directory = mkdtempSync(join(tmpdir(), 'signalbox-'));
    const path = join(directory, 'kafka.producer.properties');
    writeFileSync(path, 'bootstrap.servers=a:1,b:2\nacks=all\ntopic=cs\ndelivery.timeout.ms=5\n');
    expect(completeKafkaOptions({ properties: path })).toMatchObject({
      topic: 'cs',
      publishTimeout: 5,
      client: { brokers: ['a:1', 'b:2'] },
    });
    expect(completeKafkaOptions({ properties: path, topic: 'own' }).topic).toBe('own');
    expect(() => completeKafkaOptions({ properties: join(directory, 'none') })).toThrow(
      expect.objectContaining({ code: 'CONFIG_FILE_INVALID' }) as Error,
    );
  });
});

describe('producer properties', () => {
  it('are read', () => {
    const text = [
      'bootstrap.servers=one:9092, two:9093',
      'acks=-1',
      'topic=cs',
      'client.id=management-server-1',
      'retries=3',
      'delivery.timeout.ms=60000',
      'max.request.size=500000',
      'key.serializer=org.apache.kafka.common.serialization.StringSerializer',
      'linger.ms=5',
    ].join('\n');
    expect(properties(text)).toEqual({
      brokers: ['one:9092', 'two:9093'],
      topic: 'cs',
      clientId: 'management-server-1',
      publishTimeout: 60_000,
      batchBytes: 500_000,
    });
  });

  it('tell of TLS and SASL', () => {
    const text = [
      'security.protocol=SASL_SSL',
      'ssl.truststore.type=PEM',
      'ssl.truststore.location=ca.pem',
      'ssl.keystore.type=PEM',
      'ssl.keystore.location=client.pem',
      'ssl.key.password=opensesame',
      'sasl.mechanism=SCRAM-SHA-512',
      'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\',
      '  username="cloud" password="p\\\\"w";',
    ].join('\n');
    expect(properties(text)).toEqual({
      tls: {
        ca: 'PEM of ca.pem',
        cert: 'PEM of client.pem',
        key: 'PEM of client.pem',
        passphrase: 'opensesame',
      },
      sasl: { mechanism: 'scram-sha-512', username: 'cloud', password: 'p"w' },
    });
  });

  it.each([
    ['acks=1', 'acks'],
    ['acks=0', 'acks'],
    ['delivery.timeout.ms=many', 'delivery.timeout.ms'],
    ['security.protocol=TLS', 'security.protocol'],
    ['security.protocol=SSL\nssl.truststore.location=store.jks', 'ssl.truststore.type'],
    ['security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI', 'sasl.mechanism'],
    ['security.protocol=SASL_SSL\nsasl.mechanism=PLAIN', 'sasl.jaas.config'],
  ])('are refused with %j, by the name of the property', (text, key) => {
    expect(() => properties(text)).toThrow(
      expect.objectContaining({ code: 'CONFIG_VALUE_INVALID', parameters: { key } }) as Error,
    );
  });

  it('never show a password', () => {
    const text =
      'security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=x required password="hush";';
    expect(() => properties(text)).not.toThrow(/hush/);
    expect(() => properties(text)).toThrow();
  });
});

describe('addresses', () => {
  it.each([
    [['kafka://h:9092/cs'], { brokers: ['h:9092'], topic: 'cs' }],
    [['kafka://h'], { brokers: ['h:9092'] }],
    [['kafka://a:1/t', 'kafka://b:2/t'], { brokers: ['a:1', 'b:2'], topic: 't' }],
    [['kafkas://h:9093/t'], { brokers: ['h:9093'], topic: 't', tls: true }],
    [
      ['kafkas://u:p%40w@h/t?sasl=scram-sha-256'],
      {
        brokers: ['h:9092'],
        topic: 't',
        tls: true,
        sasl: { mechanism: 'scram-sha-256', username: 'u', password: 'p@w' },
      },
    ],
    [['kafka:/etc/kafka.producer.properties'], { properties: '/etc/kafka.producer.properties' }],
  ])('%j', (addresses, expected) => {
    expect(kafkaAddress(addresses)).toEqual(expected);
  });

  it.each([[['kafka://']], [['kafka://h/t?sasl=x', 'kafka://h/u']], [['kafka://u:hush@h:x/t']]])(
    '%j is refused without being shown',
    (addresses) => {
      expect(() => kafkaAddress(addresses)).toThrow(
        expect.objectContaining({ code: 'CONFIG_VALUE_INVALID' }) as Error,
      );
      expect(() => kafkaAddress(addresses)).not.toThrow(/hush/);
    },
  );
});

describe('names', () => {
  it('of different pools differ, and are what Kafka takes', () => {
    const names = kafkaNames('signalbox');
    expect(names.poolTopic('billing')).toBe('signalbox.pool.billing');
    expect(names.deadLetterTopic('a.b_c ü')).toBe('signalbox.dead.a_2Eb_5Fc_20_C3_BC');
    expect(() => names.poolTopic('ü'.repeat(50))).toThrow(
      expect.objectContaining({ code: 'CONFIG_VALUE_INVALID' }) as Error,
    );
  });
});
