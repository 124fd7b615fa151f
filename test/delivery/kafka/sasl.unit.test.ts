import type { AuthenticationProviderArgs } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { kafkaError } from '../../../src/delivery/kafka/kafka-error.js';
import { passwordLogin, providedMechanism } from '../../../src/delivery/kafka/sasl.js';

const logger = { debug: () => {}, error: () => {} };

/** A broker that takes any login of PLAIN, and what it was sent. */
function broker() {
  const sent: string[] = [];
  const to = {
    host: 'h',
    port: 9092,
    logger,
    saslAuthenticate: async ({ request }: { request: { encode(): Promise<Buffer> } }) => {
      // A length goes before it.
      sent.push((await request.encode()).subarray(4).toString());
    },
  } as unknown as AuthenticationProviderArgs;
  return { sent, to };
}

describe('a login of Kafka by a credentials provider', () => {
  it('asks the provider at each connection', async () => {
    const { sent, to } = broker();
    let password = 'first';
    const credentials = async () => ({ username: 'cloud', password });
    const { authenticationProvider } = providedMechanism(
      { mechanism: 'plain', credentials },
      await passwordLogin('plain'),
    );
    await authenticationProvider(to).authenticate();
    password = 'second';
    await authenticationProvider(to).authenticate();
    expect(sent).toEqual(['\0cloud\0first', '\0cloud\0second']);
  });

  it.each(['scram-sha-256', 'scram-sha-512'] as const)(
    'begins with the user of it by %s',
    async (mechanism) => {
      const { sent, to } = broker();
      const credentials = () => ({ username: 'cloud', password: 'p' });
      const login = await passwordLogin(mechanism);
      const { authenticationProvider } = providedMechanism({ mechanism, credentials }, login);
      await authenticationProvider(to)
        .authenticate()
        .catch(() => undefined);
      expect(sent[0]).toMatch(/^n,,n=cloud,r=/);
    },
  );

  it('tells a provider that failed as such, whatever the client puts around it', async () => {
    const cause = new Error('vault: S3CRET-token expired');
    const credentials = async () => Promise.reject(cause);
    const { authenticationProvider } = providedMechanism(
      { mechanism: 'plain', credentials },
      await passwordLogin('plain'),
    );
    const failure: unknown = await authenticationProvider(broker().to)
      .authenticate()
      .catch((error: unknown) => error);
    const wrapped = new Error('Non-retriable', { cause: failure });
    const error = kafkaError(wrapped, 'connect');
    expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE', retryable: true, cause });
    expect(error.message).toContain('credentials provider');
    expect(error.message).not.toContain('S3CRET');
  });
});
