import { addressParameters, countOf, oneOf, parameterError } from './address-parameters.js';

/** Those that the driver honours from an address. It passes over every other in silence. */
const honoured =
  'user password host port ssl sslmode sslcert sslkey sslrootcert ' +
  'sslnegotiation uselibpqcompat application_name fallback_application_name client_encoding ' +
  'options statement_timeout lock_timeout query_timeout idle_in_transaction_session_timeout connect_timeout';

const numbers = /_timeout$|^port$/;
const switches = ['true', 'false', '1', '0', 'no-verify'];
const modes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/**
 * The address of PostgreSQL as its driver reads it rightly, with what it does not read. Pure. Throws
 * ConfigurationError CONFIG_VALUE_INVALID for an unknown parameter, a wrong value, and two that contradict.
 */
export function postgresAddress(
  base: string,
  query: string,
): { readonly url: string; readonly connectTimeoutMS?: number } {
  const given = new Map(
    addressParameters(
      query,
      'PostgreSQL',
      Object.fromEntries(honoured.split(' ').map((name) => [name, []])),
    ),
  );
  const ssl = given.get('ssl');
  const mode = given.get('sslmode');
  // The driver takes 'false' and 'False' for true, and a mode that it does not know for none.
  if (ssl !== undefined) {
    const value = oneOf('ssl', ssl, switches);
    given.set('ssl', value === 'false' ? '0' : value);
  }
  if (mode !== undefined) {
    const wish = ' A mode that may fall back to clear is refused.';
    given.set('sslmode', oneOf('sslmode', mode, modes, wish));
  }
  const isOff = given.get('ssl') === '0' || given.get('sslmode') === 'disable';
  const isOn =
    (ssl !== undefined && given.get('ssl') !== '0') ||
    (mode !== undefined && given.get('sslmode') !== 'disable') ||
    ['sslcert', 'sslkey', 'sslrootcert', 'sslnegotiation'].some((name) => given.has(name));
  if (isOff && isOn) {
    throw parameterError(
      given.get('ssl') === '0' ? 'ssl' : 'sslmode',
      'turns TLS off, and another parameter asks for it. Give one of them.',
    );
  }
  for (const [name, value] of given) if (numbers.test(name)) countOf(name, value);
  const timeout = given.get('connect_timeout');
  given.delete('connect_timeout');
  const rest = [...given].map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  return {
    url: rest.length === 0 ? base : `${base}?${rest.join('&')}`,
    ...(timeout === undefined ? {} : { connectTimeoutMS: Number(timeout) * 1_000 }),
  };
}
