import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maskAddresses } from '../../../src/core/errors/mask-addresses.js';

describe('a password in an address', () => {
  test.each([
    ['postgres://bob:s3cr3tPW@h/x', 'postgres://bob:***@h/x'],
    ["unknown option '--bu=amqp://bob:s3cr3tPW@h:5999'", "unknown option '--bu=amqp://bob:***@h:5999'"], // prettier-ignore
    ['--databasepostgres://bob:s3cr3tPW@h', '--databasepostgres://bob:***@h'],
    ['amqp://bob:1234@h', 'amqp://bob:***@h'],
    ['amqp://bob:%2Fs3cr3t%40@h/v', 'amqp://bob:***@h/v'],
    ['amqp://:s3cr3tPW@h', 'amqp://:***@h'],
    ['amqp://bob:s3@cr/3t:PW@h/v', 'amqp://bob:***@h/v'],
    ['amqp://bob:s3 cr 3t@h/v', 'amqp://bob:***@h/v'],
    ['amqp://bob: s3cr3tPW@h/v', 'amqp://bob:***@h/v'],
    ['amqp://bob:s3c://r3t@h', 'amqp://bob:***@h'],
    ['/cwd/postgres:/bob:s3cr3tPW@h', '/cwd/postgres:/bob:***@h'],
    ['amqp//bob:s3cr3tPW@h', 'amqp//bob:***@h'],
    ['amqp://bob:***@h, amqp://eve:s3cr3tPW@h', 'amqp://bob:***@h, amqp://eve:***@h'],
    ['amqp://bob:s3cr3tPW', 'amqp://bob:***'],
    ['postgres://h/x?user=bob&password=s3cr@3t&ssl=1', 'postgres://h/x?user=bob&password=***&ssl=1'], // prettier-ignore
    ['nats://s3cr3tPW@h:4222', 'nats://***@h:4222'],
    ['nats://s3/cr@3t=@h:4222.', 'nats://***@h:4222.'],
    ['nats://s3cr%3A3t@h', 'nats://***@h'],
    ['nats:/s3cr3tPW@h', 'nats:/***@h'],
    ['postgres:u:s3cr3tPW@h/x', 'postgres:u:***@h/x'],
    ['mysql:u:s3cr3tPW', 'mysql:u:***'],
    ['u:s3cr3tPW@h/x', 'u:***@h/x'],
    ["not 'bob:s3cr3t@PW@h:5432/x'", "not 'bob:***@h:5432/x'"],
    ['--database=bob:12345@h', '--database=bob:***@h'],
    ['bob:s3c://r3t@h', 'bob:***@h'],
    ['one\namqp://bob:s3cr3t@h\ntwo@h', 'one\namqp://bob:***@h\ntwo@h'],
  ])('is masked in %j', (text, masked) => {
    expect(maskAddresses(text)).toBe(masked);
    expect(maskAddresses(masked)).toBe(masked);
  });

  test('is masked whatever it holds', () => {
    const scheme = fc.constantFrom('postgres', 'mysql', 'amqp', 'amqps', 'nats', 'kafka');
    // It begins with no digit: digits up to a `/` or a space are a port.
    const secret = fc.string({ minLength: 1 }).map((text) => `S3${text.replaceAll('\n', '')}CR3T`);
    const around = fc.constantFrom('', 'unknown option ', '--bus=', "'", '(');
    fc.assert(
      fc.property(scheme, secret, around, (name, password, before) => {
        const told = maskAddresses(`${before}${name}://bob:${password}@host/x.`);
        expect(told).toMatch(/bob:\*\*\*@host\/x\.$/);
        // With a colon it would be a user and a password.
        const token = password.replaceAll(/[\s:]/g, '');
        expect(maskAddresses(`${before}${name}://${token}@host/x.`)).not.toMatch(/S3|CR3T/);
      }),
    );
  });
});

test('a password in an address without a scheme is masked', () => {
  const secret = fc.stringMatching(/^[\w.!$&*+=?#%/:@-]{0,20}$/).map((text) => `S3${text}CR3T`);
  const before = fc.constantFrom('', '--database=', '--database', "not '", '--bus ', '(', '//');
  const host = fc.constantFrom('h/x', 'h', '127.0.0.1:5672/x?a=b', '[::1]');
  fc.assert(
    fc.property(before, secret, host, (text, password, rest) => {
      expect(maskAddresses(`${text}bob:${password}@${rest}`)).toBe(`${text}bob:***@${rest}`);
    }),
  );
});

test('a password in a malformed address is masked, whatever was forgotten of it', () => {
  const scheme = fc.constantFrom('postgres', 'postgresql', 'mysql', 'mariadb', 'amqp', 'amqps', 'nats', 'kafka', 'MySQL'); // prettier-ignore
  const between = fc.constantFrom(':', ':/', ':///', '/', '//', ';//', ':\\\\', '::', '://');
  const end = fc.constantFrom('@h/x', '@h', '@', '@h:5672/x?a=b', '');
  const secret = fc.stringMatching(/^[\w.!$&*+=?#%-]{0,20}$/).map((text) => `S3${text}CR3T`);
  const before = fc.constantFrom('', '--database=', "unknown option '", '--bus ');
  fc.assert(
    fc.property(scheme, between, secret, end, before, (name, colon, password, rest, text) => {
      const told = maskAddresses(`${text}${name}${colon}bob:${password}${rest}`);
      expect(told).not.toMatch(/S3|CR3T/);
      expect(told).toContain('bob:***');
    }),
  );
});

describe('what is no password', () => {
  test.each([
    'http://host:8080/path answered ops@example.org',
    'at amqp://127.0.0.1:5672: connection refused by billing@nova',
    'at amqp://[::1]:5672 of billing@nova',
    'begin with postgres://, mysql://, mariadb:// or sqlite:, not bob@h',
    'billing@nova: 2 dead letters of amqp://h',
    '    at load (file:///tmp/node_modules/@scope/package/index.js:10:3)',
    'There is no such database file: sqlite:/tmp/me@home/x.sqlite',
    'see https://example.org/a?page=2',
    'npm:@scope/package@1.2.3',
    'C:\\\\me@home',
    '{"actor":"alice@example.org"}',
    'alice@example.org: 10:20',
  ])('stays as it is: %s', (text) => {
    expect(maskAddresses(text)).toBe(text);
  });

  test('does not take long, however long the text is', () => {
    const hostile = '//a:'.repeat(200_000);
    for (const text of [hostile, `@${hostile}`, '://a@'.repeat(200_000), '?pass'.repeat(200_000)]) {
      expect(maskAddresses(text)).toEqual(expect.any(String));
    }
  });
});
