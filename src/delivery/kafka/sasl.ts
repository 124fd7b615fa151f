import type { AuthenticationProviderArgs, Authenticator, Mechanism } from 'kafkajs';
import { currentPassword, type PasswordCredentials } from '../bus/credentials.js';
import type { KafkaSasl } from './driver.js';

/** How KafkaJS makes what logs in, of a password. */
export type PasswordLogin = (
  credentials: PasswordCredentials,
) => (to: AuthenticationProviderArgs) => Authenticator;

type Provided = Extract<KafkaSasl, { readonly credentials: unknown }>;

/** Milliseconds that a provider may take: KafkaJS gives a whole login ten seconds. */
const patience = 8_000;

/** Pure. Whether the password comes from a provider. */
export function isProvided(sasl: KafkaSasl): sasl is Provided {
  return 'credentials' in sasl;
}

/** Logs in by what the provider gives: asked at each connection, and again where a session ends. */
export function providedMechanism(
  { mechanism, credentials }: Provided,
  login: PasswordLogin,
): Mechanism {
  return {
    mechanism,
    authenticationProvider: (to) => ({
      authenticate: async () => {
        const current = await currentPassword(credentials, 'kafka', patience);
        await login(current)(to).authenticate();
      },
    }),
  };
}

/** The login of KafkaJS itself for a mechanism. It exports none. */
export async function passwordLogin(mechanism: Provided['mechanism']): Promise<PasswordLogin> {
  const file = { plain: 'plain', 'scram-sha-256': 'scram256', 'scram-sha-512': 'scram512' };
  const path = `kafkajs/src/broker/saslAuthenticator/${file[mechanism]}.js`;
  const { default: login } = (await import(path)) as { readonly default: PasswordLogin };
  return login;
}
