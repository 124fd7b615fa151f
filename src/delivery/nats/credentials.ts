import {
  credsAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  type Authenticator,
  type NatsConnection,
} from '@nats-io/transport-node';
import { ConfigurationError } from '../../core/errors/errors.js';
import { currentCredentials, hasTexts, type CredentialsProvider } from '../bus/credentials.js';

/** Credentials of a NATS client. */
export type NatsCredentials =
  | { readonly user: string; readonly pass: string }
  | { readonly token: string }
  /** The text of a `.creds` file: a JWT and the seed of its NKey. */
  | { readonly creds: string }
  /** The seed of an NKey, which begins with `SU`. */
  | { readonly nkeySeed: string }
  | { readonly jwt: string; readonly nkeySeed: string };

/** The credentials of a connection: those that its provider gave last. */
export class FreshCredentials {
  readonly #provider: CredentialsProvider<NatsCredentials>;
  readonly #bus: string;
  readonly #milliseconds: number;
  #current: Authenticator | undefined;

  constructor(provider: CredentialsProvider<NatsCredentials>, bus: string, milliseconds: number) {
    this.#provider = provider;
    this.#bus = bus;
    this.#milliseconds = milliseconds;
  }

  /** Asks the provider. Rejects with UnavailableError BUS_UNAVAILABLE or ConfigurationError. */
  async refresh(): Promise<void> {
    const given = await currentCredentials(
      this.#provider,
      this.#bus,
      this.#milliseconds,
      '{ user, pass }, { token }, { creds }, { nkeySeed } or { jwt, nkeySeed }',
      isNatsCredentials,
    );
    const authenticator = authenticatorOf(given);
    try {
      // The client would close the connection for good when it finds out that a seed is none.
      authenticator('nonce');
    } catch {
      throw new ConfigurationError(
        'CONFIG_VALUE_INVALID',
        `The credentials provider of the bus ${this.#bus} gave a creds or an nkeySeed that cannot be read.`,
        { parameters: { key: 'credentials', bus: this.#bus } },
      );
    }
    this.#current = authenticator;
  }

  readonly authenticator: Authenticator = (nonce) => this.#current?.(nonce);
}

/**
 * Runs `before` ahead of each further attempt of the client to connect, and tells `failed` why one failed.
 * The client asks an authenticator when the server has answered, and does not wait for it.
 */
export function aroundDials(
  nats: NatsConnection,
  before: () => Promise<void>,
  failed: (cause: unknown) => void,
): void {
  const { protocol } = nats as unknown as {
    readonly protocol: { dial(server: unknown): Promise<void> };
  };
  const dial = protocol.dial.bind(protocol);
  protocol.dial = async (server) => {
    try {
      await before();
      await dial(server);
    } catch (error) {
      failed(error);
      throw error;
    }
  };
}

function isNatsCredentials(given: unknown): boolean {
  return (
    hasTexts(given, 'user', 'pass') ||
    hasTexts(given, 'token') ||
    hasTexts(given, 'creds') ||
    hasTexts(given, 'nkeySeed')
  );
}

function authenticatorOf(given: NatsCredentials): Authenticator {
  if ('user' in given) return usernamePasswordAuthenticator(given.user, given.pass);
  if ('token' in given) return tokenAuthenticator(given.token);
  if ('creds' in given) return credsAuthenticator(Buffer.from(given.creds));
  const seed = Buffer.from(given.nkeySeed);
  return 'jwt' in given ? jwtAuthenticator(given.jwt, seed) : nkeyAuthenticator(seed);
}
