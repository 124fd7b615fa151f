import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressPolicy, addressTier } from '../../src/server/guard/addresses.js';
import { assertGuardWorks, guardedAgent } from '../../src/server/guard/guarded-agent.js';
import { webhookUrl } from '../../src/server/webhook/webhook-settings.js';

const forbidden = [
  '0.0.0.0',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.8',
  '192.0.2.1',
  '192.88.99.1',
  '198.18.0.1',
  '198.51.100.7',
  '203.0.113.9',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::ffff:8.8.8.8',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::8.8.8.8',
  '64:ff9b:1::a00:1',
  '2002:7f00:1::',
  '2001:0:7f00:1::',
  '2001:10::1',
  '2001:db8::1',
  '3fff::1',
  '5f00::1',
  '100::1',
  'fe80::1',
  'fe80::a9fe:a9fe%eth0',
  'fec0::1',
  'ff02::1',
  'fd00:ec2::254',
  '4000::1',
  'nonsense',
];
const inside = ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', 'fd12::1'];
const outside = [
  '8.8.8.8',
  '1.1.1.1',
  '172.32.0.1',
  '100.128.0.1',
  '2606:4700::1111',
  '2a00:1450::1',
];

describe('an address', () => {
  it.each(forbidden)('%s is forbidden, and no network or switch allows it', (address) => {
    expect(addressTier(address)).toBe('forbidden');
    const policy = addressPolicy({
      allowPrivate: true,
      allow: ['127.0.0.0/8', '169.254.0.0/16', '::/0', '0.0.0.0/0'],
    });
    expect(policy(address, 443)).toBe(false);
  });

  it.each(inside)('%s is private: allowed by the switch or by its network', (address) => {
    expect(addressTier(address)).toBe('private');
    expect(addressPolicy({})(address, 443)).toBe(false);
    expect(addressPolicy({ allowPrivate: true })(address, 443)).toBe(true);
    const network = address.includes(':') ? 'fd00::/8' : `${address}/32`;
    expect(addressPolicy({ allow: [network] })(address, 443)).toBe(true);
  });

  it.each(outside)('%s is public', (address) => {
    expect(addressTier(address)).toBe('public');
    expect(addressPolicy({})(address, 443)).toBe(true);
  });

  it('that is forbidden is allowed by an exact entry, at its port only where one is given', () => {
    const policy = addressPolicy({ allow: ['127.0.0.1:8080', '[::1]:9', '169.254.1.1'] });
    expect(policy('127.0.0.1', 8080)).toBe(true);
    expect(policy('127.0.0.1', 8081)).toBe(false);
    expect(policy('127.0.0.2', 8080)).toBe(false);
    expect(policy('::1', 9)).toBe(true);
    expect(policy('0:0:0:0:0:0:0:1', 9)).toBe(true);
    expect(policy('169.254.1.1', 1)).toBe(true);
  });

  it.each(['10.0.0.0/33', 'example.test', '127.0.0.1:x', '10/8', ''])(
    'entry "%s" is refused by name',
    (entry) => {
      expect(() => addressPolicy({ allow: [entry] })).toThrow(/allow list/);
    },
  );
});

describe('a connection', () => {
  let port: number;
  const server = createServer((_, response) => response.end('reached'));
  beforeAll(async () => {
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const request = async (url: string, options: Parameters<typeof guardedAgent>[0]) => {
    const guarded = await guardedAgent(options);
    try {
      const { body } = await guarded.undici.request(url, { dispatcher: guarded.agent });
      return await body.text();
    } finally {
      await guarded.close();
    }
  };

  it.each([
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.1',
    '１２７.0.0.1',
    '[::ffff:127.0.0.1]',
    'localhost',
  ])('to http://%s is refused, however it is written', async (host) => {
    const url = webhookUrl(`http://${host}:${port}/`);
    await expect(request(url.href, {})).rejects.toMatchObject({ code: 'ADDRESS_FORBIDDEN' });
  });

  it('to a name is refused when any of its addresses is, and dials one that was checked', async () => {
    const url = `http://rebind.test:${port}/`;
    let calls = 0;
    // A resolver that leads elsewhere when it is asked again.
    const resolve = () => {
      calls += 1;
      return Promise.resolve(calls === 1 ? ['127.0.0.1'] : ['169.254.169.254']);
    };
    const allow = [`127.0.0.1:${port}`];
    expect(await request(url, { allow, resolve })).toBe('reached');
    expect(calls).toBe(1);
    await expect(
      request(url, { allow, resolve: () => Promise.resolve(['127.0.0.1', '10.0.0.1']) }),
    ).rejects.toMatchObject({ code: 'ADDRESS_FORBIDDEN' });
  });

  it('of the self-test is refused', async () => {
    await expect(assertGuardWorks()).resolves.toBeUndefined();
  });
});

describe('a webhook address', () => {
  it.each([
    'ftp://example.test/',
    'file:///etc/passwd',
    'https://user:pass@example.test/',
    'https://example.test/#a',
    'nonsense',
    `https://example.test/${'a'.repeat(3000)}`,
  ])('%s is refused', (address) => {
    expect(() => webhookUrl(address)).toThrow(/The endpoint is refused/);
  });
});
