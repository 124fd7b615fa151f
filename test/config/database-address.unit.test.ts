import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { dataSourceOptions } from '../../src/config/connect-database.js';

const directory = mkdtempSync(join(tmpdir(), 'signalbox-address-'));
const pem = join(directory, 'ca.pem');
writeFileSync(pem, 'PEM');
afterAll(() => rmSync(directory, { recursive: true }));

const verified = { rejectUnauthorized: true, verifyIdentity: true };

describe.each(['mysql', 'mariadb'])('TLS in an address of %s', (scheme) => {
  test.each([
    ['', undefined],
    ['?ssl=false', undefined],
    ['?ssl-mode=DISABLED', undefined],
    ['?ssl=true', verified],
    ['?ssl=1', verified],
    ['?ssl={"rejectUnauthorized":false}', { rejectUnauthorized: false }],
    [`?ssl=${encodeURIComponent('{"ca":"x&y"}')}`, { ca: 'x&y' }],
    ['?ssl-mode=REQUIRED', { rejectUnauthorized: false }],
    ['?sslmode=require', { rejectUnauthorized: false }],
    ['?ssl_mode=VERIFY_CA&sslca=PEM', { rejectUnauthorized: true, ca: 'PEM' }],
    ['?ssl-mode=REQUIRED&ssl-ca=PEM', { rejectUnauthorized: true, ca: 'PEM' }],
    ['?sslMode=VERIFY_IDENTITY', verified],
    ['?sslmode=verify-full&ssl=true', verified],
    ['?sslca=PEM', { ...verified, ca: 'PEM' }],
    ['?ssl-cert=PEM&ssl-key=PEM', { ...verified, cert: 'PEM', key: 'PEM' }],
  ])('is mapped: %s', (query, ssl) => {
    const options = dataSourceOptions(`${scheme}://u:p@db/x${query.replaceAll('=PEM', `=${pem}`)}`);
    expect(Reflect.get(options, 'ssl')).toEqual(ssl);
    expect(options).toMatchObject({ type: scheme, url: `${scheme}://u:p@db/x` });
  });

  test.each([
    ['ssl=maybe', 'ssl'],
    ['ssl=', 'ssl'],
    ['ssl={"rejectUnauthorised":false}', "'rejectUnauthorized'"],
    ['ssl={"rejectUnauthorized":"no"}', 'rejectUnauthorized'],
    ['ssl={', 'ssl'],
    ['sslmod=REQUIRED', "'sslmode'"],
    ['SSL=true', "'ssl'"],
    ['ssl-mode=PREFERRED', 'fall back'],
    ['ssl-mode=REQUIRED&ssl-mode=DISABLED', 'twice'],
    ['ssl-mode=REQUIRED&sslmode=DISABLED', 'twice'],
    ['ssl=true&ssl-mode=DISABLED', 'turns TLS off'],
    ['ssl=false&ssl-mode=REQUIRED', 'turns TLS off'],
    ['ssl=false&sslca=PEM', 'turns TLS off'],
    ['sslca=/no/such.pem', '/no/such.pem'],
    ['timezone=Z', "'timezone'"],
    ['connectTimeout=soon', "'connectTimeout'"],
    ['multipleStatements=true', "'multipleStatements'"],
  ])('is refused by name: %s', (query, told) => {
    expect(() =>
      dataSourceOptions(`${scheme}://u:s3cr3t@db/x?${query.replace('=PEM', `=${pem}`)}`),
    ).toThrow(told);
  });

  test('does not verify the name of a number', () => {
    expect(() => dataSourceOptions(`${scheme}://u@127.0.0.1/x?ssl-mode=VERIFY_IDENTITY`)).toThrow(
      'name of the host',
    );
    expect(dataSourceOptions(`${scheme}://u@127.0.0.1/x?ssl=true`)).toMatchObject({
      ssl: { rejectUnauthorized: true },
    });
  });

  test('is honoured where no slash and no database precede it', () => {
    expect(dataSourceOptions(`${scheme}://u:p@db?ssl=true&connectTimeout=5`)).toMatchObject({
      url: `${scheme}://u:p@db`,
      ssl: verified,
      connectTimeout: 5,
    });
  });
});

describe('an address of PostgreSQL', () => {
  test.each([
    ['', '', {}],
    ['?sslmode=verify-full', '?sslmode=verify-full', {}],
    ['?sslmode=REQUIRE', '?sslmode=require', {}],
    ['?ssl=false', '?ssl=0', {}],
    ['?ssl=TRUE', '?ssl=true', {}],
    ['?connect_timeout=3&application_name=a%20b', '?application_name=a%20b', { connectTimeoutMS: 3_000 }], // prettier-ignore
    ['?options=-c%20search_path%3Dx', '?options=-c%20search_path%3Dx', {}],
  ])('honours %s', (query, driver, more) => {
    expect(dataSourceOptions(`postgres://u:p@db/x${query}`)).toMatchObject({
      url: `postgres://u:p@db/x${driver}`,
      ...more,
    });
  });

  test.each([
    ['sslmod=require', "'sslmode'"],
    ['sslmode=allow', 'fall back'],
    ['ssl-mode=require', "'sslmode'"],
    ['ssl=yes', 'ssl'],
    ['ssl=true&sslmode=disable', 'turns TLS off'],
    ['sslmode=require&sslmode=disable', 'twice'],
    ['statement_timeout=long', 'statement_timeout'],
    ['target_session_attrs=read-write', 'target_session_attrs'],
    ['schema=x', 'schema'],
  ])('is refused by name: %s', (query, told) => {
    expect(() => dataSourceOptions(`postgres://u:p@db/x?${query}`)).toThrow(told);
  });
});

test('an address of SQLite has no parameters', () => {
  expect(() => dataSourceOptions('sqlite:/tmp/x.sqlite?mode=ro')).toThrow("'mode'");
});

test.each([
  'postgres:u:s3cr3t@h/x',
  'mysql:u:s3cr3t@h/x',
  'mariadb:/u:s3cr3t@h/x',
  'mysql://u:s3cr3t?ssl@h/x',
  'mysql://u:p@h/x?ssl=true#s3cr3t',
])(
  // prettier-ignore
  'what is no address is refused without being shown: %s',
  (url) => {
    expect(() => dataSourceOptions(url)).toThrow(/^(?!.*s3cr3t).*no valid URL/);
  },
);
