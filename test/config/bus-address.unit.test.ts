import { expect, test } from 'vitest';
import { connectBuses } from '../../src/config/connect-bus.js';

const config = (url: string | readonly string[], tls?: Readonly<Record<string, string>>) => ({
  url: typeof url === 'string' ? url : [...url],
  ...(tls === undefined ? {} : { tls }),
});

test.each([
  ['amqp://h?ssl=true', 'ssl'],
  ['amqps://h?cacertfile=x', 'cacertfile'],
  ['amqps://h?verify=verify_none', 'verify'],
  ['amqp://h?heartbeat=5&heartbeat=6', 'heartbeat twice'],
  ['amqp://h/v#rest', '#'],
  ['nats://h?tls=true', 'tls'],
  ['tls://h/stream?ca=x', 'ca'],
  ['nats://h/stream#rest', '#'],
  ['kafka://h/t?ssl=true', 'ssl'],
  ['kafkas://h/t?sasl=plain&sasl=plain', 'sasl twice'],
  ['kafka://h/t#rest', '#'],
] as const)('what would be passed over in %s is refused by name', async (url, named) => {
  await expect(connectBuses(url)).rejects.toMatchObject({
    code: 'CONFIG_VALUE_INVALID',
    message: expect.stringContaining(named),
  });
});

test.each([
  ['a mix of clear and TLS on NATS', config(['nats://a', 'tls://b']), 'tls://'],
  [
    'another user of a second server of NATS',
    config(['nats://u:p@a', 'nats://v:p@b']),
    'same user',
  ],
  [
    'a passphrase that NATS would drop',
    config('tls://a', { passphrase: 'x' }),
    'bus.tls.passphrase',
  ],
  [
    'a server name that NATS would drop',
    config('tls://a', { servername: 'x' }),
    'bus.tls.servername',
  ],
  ['TLS beside an address in clear', config('amqp://a', { servername: 'x' }), 'amqps:'],
] as const)('%s is refused by name', async (_, bus, named) => {
  await expect(connectBuses(bus)).rejects.toMatchObject({
    code: 'CONFIG_VALUE_INVALID',
    message: expect.stringContaining(named),
  });
});
