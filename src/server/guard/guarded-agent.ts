import { lookup } from 'node:dns/promises';
import { createServer } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import type { Agent } from 'undici';
import { ConfigurationError, RefusedError } from '../../core/errors/errors.js';
import { type AddressPolicy, addressPolicy, type GuardOptions } from './addresses.js';

type Undici = typeof import('undici');

/** Resolves a name to every address that it has. */
export type Resolver = (host: string) => Promise<readonly string[]>;

/** Outgoing HTTP that connects to no address which the policy refuses. */
export interface GuardedAgent {
  readonly undici: Undici;
  readonly agent: Agent;
  /** Rejects with RefusedError ADDRESS_FORBIDDEN for a URL that would be refused now. */
  check(url: URL): Promise<void>;
  close(): Promise<void>;
}

/** How an agent is made. */
export interface GuardedAgentOptions extends GuardOptions {
  readonly resolve?: Resolver;
}

/**
 * Loads undici and makes an agent on which every connection is checked: the name is resolved, each of its
 * addresses is checked, and one that was checked is dialled, so that no second answer of the resolver can
 * lead elsewhere. TLS is checked against the name. Rejects with ConfigurationError DRIVER_MISSING where
 * undici is not installed.
 */
export async function guardedAgent(options: GuardedAgentOptions = {}): Promise<GuardedAgent> {
  const undici = await loadUndici();
  const policy = addressPolicy(options);
  const resolve = options.resolve ?? everyAddress;
  const connector = undici.buildConnector({ timeout: 10_000 });
  const dial = async (
    target: Parameters<typeof connector>[0],
    callback: Parameters<typeof connector>[1],
  ): Promise<void> => {
    const host = bare(target.hostname);
    try {
      const address = await checkedAddress(host, portOf(target), policy, resolve);
      const name = isIP(host) === 0 ? { servername: target.servername ?? host } : {};
      connector({ ...target, hostname: address, ...name }, callback);
    } catch (error) {
      callback(error as Error, null);
    }
  };
  const agent = new undici.Agent({
    connect(target, callback) {
      void dial(target, callback);
    },
    // A dead endpoint is told by the timeout of a delivery.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 10_000,
    connections: 64,
    pipelining: 1,
  });
  return {
    undici,
    agent,
    async check(url) {
      await checkedAddress(bare(url.hostname), portOf(url), policy, resolve);
    },
    close: () => agent.destroy(),
  };
}

/** An address of a host, when all that it has are allowed. */
async function checkedAddress(
  host: string,
  port: number,
  policy: AddressPolicy,
  resolve: Resolver,
): Promise<string> {
  const addresses = isIP(host) === 0 ? await resolve(host) : [host];
  const [first] = addresses;
  if (first === undefined || !addresses.every((address) => policy(address, port))) {
    throw RefusedError.of(
      'ADDRESS_FORBIDDEN',
      'The address is private or of this machine, or has no host. Give a public one, or allow it in the configuration of the service.',
    );
  }
  return first;
}

async function everyAddress(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

function portOf({ port, protocol }: { readonly port: string; readonly protocol: string }): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/s, '$1');
}

async function loadUndici(): Promise<Undici> {
  return import('undici').catch((cause: unknown) => {
    throw new ConfigurationError(
      'DRIVER_MISSING',
      "The HTTP client is not installed. Run 'npm install undici@7'.",
      { parameters: { package: 'undici' }, cause },
    );
  });
}

/**
 * Dials a forbidden address through an agent of the same make. Rejects with ConfigurationError
 * GUARD_INEFFECTIVE when that succeeds, as on a runtime that passes over the agent's `connect`.
 */
export async function assertGuardWorks(): Promise<void> {
  const server = createServer((_request, response) => {
    response.end('reached');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const guarded = await guardedAgent();
  try {
    const { port } = server.address() as AddressInfo;
    const reached = await guarded.undici
      .request(`http://127.0.0.1:${port}/`, { dispatcher: guarded.agent })
      .then(
        () => true,
        (error: unknown) => !(error instanceof RefusedError),
      );
    if (reached) {
      throw new ConfigurationError(
        'GUARD_INEFFECTIVE',
        'The guard against forbidden addresses has no effect on this runtime: an address of this machine was dialled through it. The service does not start. Run it on Node.js.',
      );
    }
  } finally {
    await guarded.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
