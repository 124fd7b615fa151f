import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { nkeys } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { FreshCredentials } from '../../../src/delivery/nats/credentials.js';
import { nats, type NatsCredentials } from '../../../src/delivery/nats/index.js';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { startPrivateNats, type PrivateNats } from '../../support/private-nats.js';

const [first, second, wrong] = ['S3CRET-first', 'S3CRET-second', 'S3CRET-wrong'];
const userKey = nkeys.createUser();
const seed = Buffer.from(userKey.getSeed()).toString();
let server: PrivateNats;
const buses: Bus[] = [];

const users = (password: string): string =>
  `authorization { users: [ { user: "cloud", password: "${password}" }, { nkey: "${userKey.getPublicKey()}" } ] }`;

beforeAll(async () => {
  server = await startPrivateNats([users(first)]);
}, 60_000);
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});
afterAll(() => server.dispose());

/** Starts the server with another configuration, on the same streams. */
async function restartWith(authorization: string): Promise<void> {
  await server.stop();
  const lines = [
    `listen: "127.0.0.1:${server.port}"`,
    `jetstream { store_dir: "${server.data}" }`,
    authorization,
  ];
  await writeFile(join(dirname(server.data), 'nats.conf'), lines.join('\n'));
  await server.start();
}

function open(credentials: () => NatsCredentials | Promise<NatsCredentials>) {
  const notices: BusNotice[] = [];
  const bus = nats({ url: server.url, credentials, on: (notice) => notices.push(notice) });
  buses.push(bus);
  const failures = (): unknown[] =>
    notices.flatMap((each) => (each.kind === 'connectFailed' ? [each.error] : []));
  return { bus, failures };
}

async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
}

describe('the credentials of a NATS bus', () => {
  it('follow a password that is changed, and a refused one is told while the bus connects again', async () => {
    let pass = first;
    const { bus, failures } = open(async () => ({ user: 'cloud', pass }));
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
    await bus.publish(message('a'));
    await recorder.atLeast(1);

    await restartWith(users(second));
    await eventually(() =>
      expect(failures()).toContainEqual(
        expect.objectContaining({ code: 'BUS_CREDENTIALS_REFUSED' }),
      ),
    );
    const error = await rejection(bus.publish(message('b')));
    expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE', retryable: true });

    pass = second;
    await eventually(() => bus.publish(message('c')), { deadline: 30_000 });
    await recorder.atLeast(2);
    expect(inspect([error, failures()], { depth: 9 })).not.toContain('S3CRET');
    await restartWith(users(first));
  }, 60_000);

  it('that are refused on the first connection are told as refused', async () => {
    const { bus } = open(() => ({ user: 'cloud', pass: wrong }));
    const error = await rejection(bus.connect());
    expect(error).toMatchObject({ code: 'BUS_CREDENTIALS_REFUSED' });
    expect(inspect(error, { depth: 9 })).not.toContain('S3CRET');
  });

  it('are an NKey, if the server asks for one', async () => {
    const { bus } = open(() => ({ nkeySeed: seed }));
    await bus.connect();
    const { bus: refused } = open(() => ({
      nkeySeed: Buffer.from(nkeys.createUser().getSeed()).toString(),
    }));
    expect(await rejection(refused.connect())).toMatchObject({ code: 'BUS_CREDENTIALS_REFUSED' });
  });

  it('are asked for again after their provider failed', async () => {
    const cause = new Error('vault: S3CRET-token expired');
    let isAway = true;
    const { bus } = open(() => {
      if (isAway) throw cause;
      return { user: 'cloud', pass: first };
    });
    const error = await rejection(bus.connect());
    expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE', retryable: true, cause });
    expect((error as Error).message).toContain('credentials provider');
    expect((error as Error).message).not.toContain('S3CRET');
    isAway = false;
    await bus.connect();
  });

  it.each<[string, unknown]>([
    ['a seed that is none', { nkeySeed: 'S3CRET' }],
    ['a file that is none', { creds: 'S3CRET' }],
    ['another form', { username: 'cloud', password: 'S3CRET' }],
    ['nothing', undefined],
  ])('that are %s are refused by name, without their values', async (_, given) => {
    const { bus } = open(() => given as NatsCredentials);
    const error = await rejection(bus.connect());
    expect(error).toMatchObject({ code: 'CONFIG_VALUE_INVALID' });
    expect(inspect(error, { depth: 9 })).not.toContain('S3CRET');
  });

  it.each<[string, NatsCredentials]>([
    ['a JWT and its seed', { jwt: 'aJwt', nkeySeed: seed }],
    [
      'the text of a .creds file',
      {
        creds: `-----BEGIN NATS USER JWT-----\naJwt\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
      },
    ],
  ])('that are %s sign what the server asks', async (_, given) => {
    const fresh = new FreshCredentials(() => given, 'nats', 1_000);
    await fresh.refresh();
    const { jwt, sig } = fresh.authenticator('challenge') as { jwt: string; sig: string };
    expect(jwt).toBe('aJwt');
    const signature = Buffer.from(sig, 'base64url');
    expect(userKey.verify(Buffer.from('challenge'), signature)).toBe(true);
  });

  it('come from one place: a user in the address beside a provider is refused', () => {
    const credentials = () => ({ token: wrong });
    expect(() => nats({ url: `nats://${wrong}@h`, credentials })).toThrow(/has no user/);
  });
});
