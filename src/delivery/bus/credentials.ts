import { ConfigurationError, UnavailableError } from '../../core/errors/errors.js';
import { inTime } from '../kit/in-time.js';

/** A user and a password, as a broker asks for them. */
export interface PasswordCredentials {
  readonly username: string;
  readonly password: string;
}

/** Gives the credentials that are valid now. It is called at each attempt to connect. */
export type CredentialsProvider<Credentials> = () => Credentials | Promise<Credentials>;

/**
 * The credentials that are valid now. Rejects with UnavailableError BUS_UNAVAILABLE when the provider fails
 * or is late, and with ConfigurationError CONFIG_VALUE_INVALID when it gives something else. No message
 * holds what the provider said or gave: it may be secret. Its error is the cause.
 *
 * @param milliseconds how long the provider may take
 * @param takes what it has to give, for messages
 */
export async function currentCredentials<Credentials>(
  provider: CredentialsProvider<Credentials>,
  bus: string,
  milliseconds: number,
  takes: string,
  fits: (given: unknown) => boolean,
): Promise<Credentials> {
  const failed = (how: string, cause?: unknown): UnavailableError =>
    new UnavailableError(
      'BUS_UNAVAILABLE',
      `The credentials provider of the bus ${bus} ${how}, so that it cannot connect. Retry later.`,
      { parameters: { bus }, ...(cause === undefined ? {} : { cause }) },
    );
  const asked = (async () => provider())().catch((cause: unknown) => {
    throw failed('failed', cause);
  });
  const given = await inTime(asked, milliseconds, () =>
    failed(`did not answer within ${milliseconds} ms`),
  );
  if (fits(given)) return given;
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `The credentials provider of the bus ${bus} did not give ${takes}.`,
    { parameters: { key: 'credentials', bus } },
  );
}

/** The user and password that are valid now. Rejects as `currentCredentials` does. */
export function currentPassword(
  provider: CredentialsProvider<PasswordCredentials>,
  bus: string,
  milliseconds: number,
): Promise<PasswordCredentials> {
  return currentCredentials(provider, bus, milliseconds, '{ username, password }', (given) =>
    hasTexts(given, 'username', 'password'),
  );
}

/** Pure. Whether a value is an object in which each of these is a text. */
export function hasTexts(value: unknown, ...keys: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Readonly<Record<string, unknown>>;
  return keys.every((key) => typeof fields[key] === 'string');
}
