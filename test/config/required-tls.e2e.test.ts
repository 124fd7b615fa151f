import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectDatabase } from '../../src/config/connect-database.js';
import { runSignalbox } from '../support/command-line.js';
import { startPrivateNats } from '../support/private-nats.js';
import { startPrivatePostgres } from '../support/private-postgres.js';
import { startPrivateRabbitmq } from '../support/private-rabbitmq.js';
import type { ExitReport } from '../support/run-node.js';
import { makeTlsCertificates, type TlsCertificates } from '../support/tls-certificates.js';

let certificates: TlsCertificates;
let folder: string;
beforeAll(async () => {
  certificates = makeTlsCertificates();
  folder = await mkdtemp(join(tmpdir(), 'signalbox-required-tls-'));
});
afterAll(async () => {
  certificates.dispose();
  await rm(folder, { recursive: true });
});

/** Runs a command with addresses of the command line, or of a configuration file. */
async function run(
  args: readonly string[],
  { config, env = {} }: { readonly config?: object; readonly env?: Record<string, string> } = {},
): Promise<ExitReport> {
  const file = join(folder, 'signalbox.config.json');
  if (config !== undefined) await writeFile(file, JSON.stringify(config));
  const clear = { SIGNALBOX_DATABASE: undefined, SIGNALBOX_BUS: undefined };
  const rest = config === undefined ? [] : ['--config', file];
  return runSignalbox([...args, ...rest], { cwd: folder, env: { ...clear, ...env } });
}

test('a PostgreSQL that requires TLS takes the addresses that ask for it, and no other', async () => {
  const { serverCertFile: certFile, serverKeyFile: keyFile, caFile } = certificates;
  const server = await startPrivatePostgres({ tls: { certFile, keyFile } });
  try {
    const address = `postgres://postgres@localhost:${server.port}/postgres`;
    const isSecure = async (query: string): Promise<unknown> => {
      const source = await connectDatabase(`${address}${query}`);
      try {
        const [row]: { ssl: boolean }[] = await source.query(
          'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
        );
        return row?.ssl;
      } finally {
        await source.destroy();
      }
    };
    for (const query of [
      `?sslmode=verify-full&sslrootcert=${caFile}`,
      `?sslrootcert=${caFile}`,
      '?sslmode=no-verify',
      '?ssl=no-verify',
      '?uselibpqcompat=true&sslmode=require',
    ]) {
      expect(await isSecure(query), query).toBe(true);
    }
    // In clear, and with an authority that nobody here knows.
    for (const query of ['', '?sslmode=disable', '?ssl=0', '?ssl=true', '?sslmode=verify-full']) {
      await expect(isSecure(query), query).rejects.toThrow();
    }

    const secure = `${address}?sslmode=verify-full&sslrootcert=${caFile}`;
    expect(await run(['migrate', '--database', secure])).toMatchObject({ code: 0 });
    expect(await run(['outbox', 'list'], { config: { database: secure } })).toMatchObject({
      code: 0,
    });
    for (const refused of [address, `${address}?tls=true`]) {
      const told = await run(['outbox', 'list'], { config: { database: refused } });
      expect(told.code, told.stderr).not.toBe(0);
      expect(told.stderr).toMatch(/requires TLS|'tls'/);
    }
  } finally {
    await server.dispose();
  }
}, 120_000);

interface SecureBroker {
  /** With TLS, on the name of the certificate. */
  readonly secure: string;
  readonly clear: string;
  dispose(): Promise<void>;
}

describe.each<[string, (files: TlsCertificates) => Promise<SecureBroker>]>([
  [
    'RabbitMQ',
    async ({ caFile, serverCertFile: certFile, serverKeyFile: keyFile }) => {
      const broker = await startPrivateRabbitmq({ tls: { caFile, certFile, keyFile, only: true } });
      return {
        secure: `amqps://guest:guest@localhost:${broker.tlsPort}`,
        clear: `amqp://guest:guest@localhost:${broker.tlsPort}`,
        dispose: () => broker.dispose(),
      };
    },
  ],
  [
    'NATS',
    async ({ serverCertFile, serverKeyFile }) => {
      const server = await startPrivateNats([
        `tls { cert_file: "${serverCertFile}", key_file: "${serverKeyFile}" }`,
      ]);
      return {
        secure: `tls://localhost:${server.port}`,
        clear: `nats://localhost:${server.port}`,
        dispose: () => server.dispose(),
      };
    },
  ],
])('%s that requires TLS', (_, start) => {
  let broker: SecureBroker;
  beforeAll(async () => {
    broker = await start(certificates);
  }, 120_000);
  afterAll(() => broker.dispose());

  const list = ['dead-letters', 'list', 'billing'];
  /** The answer of a broker that was reached: it knows no such pool. */
  const reached = expect.stringMatching(/POOL_UNKNOWN|no pool|no dead letters/i);

  test('takes an address whose authority the process knows', async () => {
    const told = await run([...list, '--bus', broker.secure], {
      env: { NODE_EXTRA_CA_CERTS: certificates.caFile },
    });
    expect(told.stdout + told.stderr).toEqual(reached);
  });

  test('takes a configuration that names the authority', async () => {
    const config = { bus: { url: broker.secure, tls: { ca: certificates.caFile } } };
    const told = await run(list, { config });
    expect(told.stdout + told.stderr).toEqual(reached);
  });

  test.each([
    ['an authority that nobody here knows', () => ({ url: broker.secure })],
    ['an address in clear', () => ({ url: broker.clear })],
    ['a parameter', () => ({ url: `${broker.secure}?verify=none` })],
  ])('refuses %s', async (_name, bus) => {
    const told = await run(list, { config: { bus: bus() } });
    expect(told.code, told.stderr).not.toBe(0);
    expect(told.stdout + told.stderr).not.toEqual(reached);
    expect(told.stderr).not.toBe('');
  });
});
