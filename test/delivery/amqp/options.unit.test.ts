import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rabbitmq, type RabbitmqOptions } from '../../../src/delivery/amqp/index.js';
import { maskUrl } from '../../../src/delivery/amqp/mask-url.js';
import { completeRabbitmqOptions } from '../../../src/delivery/amqp/options.js';
import { topologyNames } from '../../../src/delivery/amqp/topology.js';
import { ConfigurationError } from '../../../src/core/errors/errors.js';

const url = 'amqp://user:S3CRET@host';

describe('the options of a RabbitMQ bus', () => {
  it('read user, password and virtual host as the URL writes them', () => {
    const { hosts } = completeRabbitmqOptions({
      url: ['amqps://a%40b:p%2Fw@[::1]/my%2Fhost', 'amqp://plain'],
    });
    expect(hosts).toEqual([
      {
        label: 'amqps://a%40b:***@[::1]/my%2Fhost',
        secure: true,
        hostname: '::1',
        port: 5671,
        username: 'a@b',
        password: 'p/w',
        vhost: 'my%2Fhost',
      },
      {
        label: 'amqp://plain',
        secure: false,
        hostname: 'plain',
        port: 5672,
        username: 'guest',
        password: 'guest',
        vhost: '',
      },
    ]);
  });

  it('take heartbeat and connection_timeout from the address, unless they are given', () => {
    const url = 'amqp://host?heartbeat=5&connection_timeout=1000';
    expect(completeRabbitmqOptions({ url })).toMatchObject({ heartbeat: 5, connectTimeout: 1_000 });
    expect(completeRabbitmqOptions({ url, heartbeat: 7 })).toMatchObject({ heartbeat: 7 });
  });

  it.each([
    'cacertfile=x',
    'frameMax=4096',
    'auth_mechanism=external',
    'heartbeat=',
    'heartbeat=x',
  ])('refuse by name what an address says with %s', (query) => {
    const [name = ''] = query.split('=');
    expect(() => completeRabbitmqOptions({ url: `amqp://host?${query}` })).toThrow(name);
  });

  it.each<[string, RabbitmqOptions, string]>([
    ['no URL', { url: [] }, 'url'],
    ['no valid URL', { url: 'host:S3CRET' }, 'url'],
    ['another scheme', { url: 'http://user:S3CRET@host' }, 'url'],
    ['a stray percent sign', { url: 'amqp://user:S3CRET%@host' }, 'url'],
    ['TLS without amqps', { url, tls: {} }, 'url'],
    ['an exchange with a slash', { url, exchange: 'a/b' }, 'exchange'],
    ['an empty exchange', { url, exchange: '' }, 'exchange'],
    [
      'an exchange of others that is no topic',
      { url, exchange: { name: 'e', type: 'fanout' } },
      'exchange',
    ],
    [
      'what others own, and an alternate exchange for it',
      { url, exchange: { name: 'e' }, unroutable: 'keep' },
      'unroutable',
    ],
    ['a prefix with a blank', { url, queuePrefix: 'a b' }, 'queuePrefix'],
    ['a negative heartbeat', { url, heartbeat: -1 }, 'heartbeat'],
    ['no window', { url, publishWindow: 0 }, 'publishWindow'],
    ['a timeout that is no number', { url, publishTimeout: Number.NaN }, 'publishTimeout'],
    ['no delivery limit', { url, deliveryLimit: 0 }, 'deliveryLimit'],
    [
      'an alternate exchange without a name',
      { url, unroutable: { alternateExchange: '' } },
      'unroutable.alternateExchange',
    ],
  ])('refuse %s, and never show the password', (_, options, key) => {
    try {
      rabbitmq(options);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error).toMatchObject({ code: 'CONFIG_VALUE_INVALID', parameters: { key } });
      expect(inspect(error, { depth: 10 })).not.toMatch(/S3CRET/);
    }
  });
});

describe('a masked URL', () => {
  it('holds neither the password nor the query', () => {
    expect(maskUrl('amqp://user:S3CRET@host:1/v?key=S3CRET')).toBe('amqp://user:***@host:1/v');
    expect(maskUrl('no url with S3CRET')).not.toMatch(/S3CRET/);
  });
});

describe('the names of the topology', () => {
  const names = (exchange: string) => topologyNames(completeRabbitmqOptions({ url, exchange }));
  const exchangeName = fc.stringMatching(/^[a-c._:-]{1,4}$/);
  const poolName = fc.string({
    minLength: 1,
    maxLength: 6,
    unit: fc.constantFrom('a', '/', '%', '2', 'F', 'é', '.'),
  });

  it('differ for every exchange and pool', () => {
    fc.assert(
      fc.property(exchangeName, poolName, exchangeName, poolName, (e1, p1, e2, p2) => {
        const [one, two] = [names(e1), names(e2)];
        const all = [
          one.poolQueue(p1),
          one.deadLetterQueue(p1),
          one.ephemeralQueue(p1),
          one.unroutable,
          one.deadLetterExchange,
          e1,
        ];
        const others = [
          two.poolQueue(p2),
          two.deadLetterQueue(p2),
          two.ephemeralQueue(p2),
          two.unroutable,
          two.deadLetterExchange,
          e2,
        ];
        expect(new Set(all).size).toBe(all.length);
        if (e1 !== e2) for (const name of all) expect(others).not.toContain(name);
        if (p1 !== p2) expect(one.poolQueue(p1)).not.toBe(one.poolQueue(p2));
      }),
    );
  });

  it('are refused beyond the 255 bytes of AMQP', () => {
    expect(() => names('a').poolQueue('é'.repeat(50))).toThrow(ConfigurationError);
  });
});
