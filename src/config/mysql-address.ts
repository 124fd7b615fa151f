import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { addressParameters, countOf, oneOf, parameterError } from './address-parameters.js';
import { nearestName } from '../core/errors/nearest-name.js';

/** TLS options of mysql2 that an address can carry. */
export interface MysqlTls {
  ca?: string;
  cert?: string;
  key?: string;
  passphrase?: string;
  ciphers?: string;
  minVersion?: string;
  rejectUnauthorized?: boolean;
  verifyIdentity?: boolean;
}

/** The options of an address of MySQL or MariaDB that TypeORM does not read from it. */
export interface MysqlAddressOptions {
  readonly ssl?: MysqlTls;
  readonly connectTimeout?: number;
  readonly charset?: string;
  readonly socketPath?: string;
}

const known = {
  ssl: ['tls', 'useSSL'],
  'ssl-mode': ['sslmode', 'sslMode', 'ssl_mode'],
  'ssl-ca': ['sslca', 'sslCa', 'ssl_ca', 'sslrootcert'],
  'ssl-cert': ['sslcert', 'sslCert', 'ssl_cert'],
  'ssl-key': ['sslkey', 'sslKey', 'ssl_key'],
  connectTimeout: [],
  charset: [],
  socketPath: ['socket'],
};

const fields: Readonly<Record<keyof MysqlTls, 'string' | 'boolean'>> = {
  ca: 'string',
  cert: 'string',
  key: 'string',
  passphrase: 'string',
  ciphers: 'string',
  minVersion: 'string',
  rejectUnauthorized: 'boolean',
  verifyIdentity: 'boolean',
};

/**
 * Reads the query of an address of MySQL or MariaDB; reads the files of certificates that it names.
 * Nothing that asks for TLS is answered by less: what may fall back to clear is refused. Throws
 * ConfigurationError CONFIG_VALUE_INVALID for an unknown parameter, a wrong value, and a file that cannot be read.
 */
export function mysqlAddressOptions(query: string, host: string): MysqlAddressOptions {
  const given = addressParameters(query, 'MySQL and MariaDB', known);
  const ssl = tlsOf(given, host);
  const timeout = given.get('connectTimeout');
  const charset = given.get('charset');
  const socketPath = given.get('socketPath');
  return {
    ...(ssl === undefined ? {} : { ssl }),
    ...(timeout === undefined ? {} : { connectTimeout: countOf('connectTimeout', timeout) }),
    ...(charset === undefined ? {} : { charset: oneOf('charset', charset, ['utf8mb4']) }),
    ...(socketPath === undefined ? {} : { socketPath }),
  };
}

function tlsOf(given: ReadonlyMap<string, string>, host: string): MysqlTls | undefined {
  const wanted = wantedOf(given.get('ssl'));
  const mode = modeOf(given.get('ssl-mode'));
  const files = {
    ...fileOf(given, 'ssl-ca', 'ca'),
    ...fileOf(given, 'ssl-cert', 'cert'),
    ...fileOf(given, 'ssl-key', 'key'),
  };
  const isAsked = Object.keys(files).length > 0 || (wanted !== undefined && wanted !== false);
  if (mode === 'disabled' || wanted === false) {
    if (isAsked || (mode !== undefined && mode !== 'disabled')) {
      throw parameterError(
        mode === 'disabled' ? 'ssl-mode' : 'ssl',
        'turns TLS off, and another parameter asks for it. Give one of them.',
      );
    }
    return undefined;
  }
  const isNamed = isIP(host.replace(/^\[|\]$/g, '')) === 0;
  if (mode === undefined && !isAsked) return undefined;
  if (mode !== undefined && typeof wanted === 'object') {
    throw parameterError(
      'ssl-mode',
      "is given beside an object 'ssl', which says it all. Give one.",
    );
  }
  if (mode === 'verify_identity' && !isNamed) {
    // The driver would compare the certificate with 'localhost'.
    throw parameterError('ssl-mode', 'verifies a name: give the name of the host, not its number.');
  }
  if (typeof wanted === 'object') return { ...files, ...wanted };
  if (mode === 'required' && !('ca' in files)) return { ...files, rejectUnauthorized: false };
  const verifyIdentity = mode === undefined ? isNamed : mode === 'verify_identity';
  return { ...files, rejectUnauthorized: true, ...(verifyIdentity ? { verifyIdentity } : {}) };
}

function modeOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const mode = text.toLowerCase().replaceAll('-', '_');
  const alias = { disable: 'disabled', require: 'required', verify_full: 'verify_identity' }[mode];
  return oneOf(
    'ssl-mode',
    alias ?? mode,
    ['disabled', 'required', 'verify_ca', 'verify_identity'],
    ' A mode that may fall back to clear is refused.',
  );
}

function wantedOf(text: string | undefined): boolean | MysqlTls | undefined {
  if (text === undefined) return undefined;
  if (!text.trimStart().startsWith('{')) {
    return ['true', '1'].includes(
      oneOf('ssl', text, ['true', 'false', '1', '0'], ' Or a JSON object.'),
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Without its cause, which quotes the text.
    throw parameterError('ssl', 'is no valid JSON. Percent-encode it.');
  }
  for (const [name, value] of Object.entries(parsed as object)) {
    const kind = Object.hasOwn(fields, name) ? fields[name as keyof MysqlTls] : undefined;
    if (kind === undefined) {
      const near = nearestName(name, Object.keys(fields));
      throw parameterError(
        'ssl',
        `has no field '${name}'. ${near === undefined ? `It has ${Object.keys(fields).join(', ')}.` : `Did you mean '${near}'?`}`,
      );
    }
    if (typeof value !== kind) throw parameterError('ssl', `needs a ${kind} for '${name}'.`);
  }
  return parsed as MysqlTls;
}

function fileOf(given: ReadonlyMap<string, string>, name: string, field: 'ca' | 'cert' | 'key') {
  const path = given.get(name);
  if (path === undefined) return {};
  try {
    return { [field]: readFileSync(path, 'utf8') };
  } catch (cause) {
    throw parameterError(name, `names a file that cannot be read: ${path}.`, cause);
  }
}
