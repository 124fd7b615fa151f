import { readFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigurationError } from '../core/errors/errors.js';
import type { NotificationService } from './notification-service.js';
import { checkOptions, optionsOf } from '../core/options/check-options.js';
import { flag, options as optionsField, required, text, whole } from '../core/options/fields.js';

/** Where the service listens. */
export interface ListenOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 8080; 0 for one that is free. */
  readonly port?: number;
  /** Paths of PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Whether it may listen beyond this machine without TLS, as behind a proxy that has it. Default false. */
  readonly insecurePlaintext?: boolean;
  /** Whether callers are told apart by tokens. */
  readonly hasTokens: boolean;
}

/** Schema of the options of `listen()`. */
export const listenSchema = optionsOf<ListenOptions>('listen()', {
  host: text(1, 255),
  port: whole(0, 65_535),
  tls: optionsField<NonNullable<ListenOptions['tls']>>({
    cert: required(text(1)),
    key: required(text(1)),
  }),
  insecurePlaintext: flag,
  hasTokens: required(flag),
});

/** A listening server. */
export interface Listening {
  readonly url: string;
  /** Accepts no more connections, and resolves when those open have ended. */
  close(): Promise<void>;
}

/**
 * Pure. Throws ConfigurationError LISTEN_UNSAFE for a place beyond this machine without tokens, or in clear
 * without saying so.
 */
export function assertSafe({
  host = '127.0.0.1',
  tls,
  insecurePlaintext,
  hasTokens,
}: ListenOptions): void {
  if (isLoopback(host)) return;
  if (!hasTokens) {
    throw new ConfigurationError(
      'LISTEN_UNSAFE',
      `The service would listen on ${host} and let everybody in. Create a token first: signalbox token create --admin --name operator.`,
      { parameters: { host } },
    );
  }
  if (tls === undefined && insecurePlaintext !== true) {
    throw new ConfigurationError(
      'LISTEN_UNSAFE',
      `The service would listen on ${host} in plain text. Pass --tls-cert and --tls-key, or --insecure-plaintext behind a proxy that ends TLS.`,
      { parameters: { host } },
    );
  }
}

/** Listens over HTTP. Rejects as `assertSafe` throws, and with CONFIG_VALUE_INVALID for a place that is taken. */
export async function listen(
  service: NotificationService,
  options: ListenOptions,
): Promise<Listening> {
  checkOptions(listenSchema, options);
  assertSafe(options);
  const { host = '127.0.0.1', port = 8080, tls } = options;
  const { createAdaptorServer } = await import('@hono/node-server').catch((cause: unknown) => {
    throw new ConfigurationError(
      'DRIVER_MISSING',
      "Listening needs the package @hono/node-server. Run 'npm install hono @hono/node-server'.",
      { parameters: { package: '@hono/node-server' }, cause },
    );
  });
  // Where everybody who can connect may do everything, no page of a browser shall.
  const isOpen = !options.hasTokens;
  const server = createAdaptorServer({
    fetch: (request) =>
      isOpen && !isOwnHost(request)
        ? new Response('Unknown host', { status: 421 })
        : service.fetch(request),
    ...(tls === undefined
      ? {}
      : {
          createServer: createTlsServer,
          serverOptions: { cert: readFileSync(tls.cert), key: readFileSync(tls.key) },
        }),
  }) as Server;
  server.requestTimeout = 30_000;
  server.headersTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new ConfigurationError(
          'CONFIG_VALUE_INVALID',
          `The service cannot listen on ${host}:${port}. Is the port taken?`,
          { parameters: { key: 'port' }, cause },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  const { port: bound } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${name}:${bound}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await closed;
    },
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}

function isOwnHost(request: Request): boolean {
  const { hostname } = new URL(request.url);
  const origin = request.headers.get('origin');
  const isSame = origin === null || (URL.canParse(origin) && isLoopback(new URL(origin).hostname));
  return isLoopback(hostname.replace(/^\[(.*)\]$/, '$1')) && isSame;
}
