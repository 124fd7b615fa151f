import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rabbitmq } from '../../../src/delivery/amqp/index.js';
import type { PasswordCredentials } from '../../../src/delivery/bus/credentials.js';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { startPrivateRabbitmq, type PrivateRabbitmq } from '../../support/private-rabbitmq.js';

const [first, second, wrong] = ['S3CRET-first', 'S3CRET-second', 'S3CRET-wrong'];
let broker: PrivateRabbitmq;
let address: string;
const buses: Bus[] = [];

beforeAll(async () => {
  broker = await startPrivateRabbitmq();
  address = `amqp://127.0.0.1:${broker.port}`;
  for (const user of ['cloud', 'steady']) {
    await broker.ctl('add_user', user, first);
    await broker.ctl('set_permissions', user, '.*', '.*', '.*');
  }
}, 120_000);
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});
afterAll(() => broker.dispose());

function open(credentials: () => PasswordCredentials | Promise<PasswordCredentials>) {
  const notices: BusNotice[] = [];
  const bus = rabbitmq({
    url: address,
    credentials,
    connectTimeout: 2_000,
    publishTimeout: 2_000,
    on: (notice) => notices.push(notice),
  });
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

describe('the credentials of a RabbitMQ bus', () => {
  it('follow a password that is changed, and a refused one is told while the bus connects again', async () => {
    let password = first;
    const { bus, failures } = open(async () => ({ username: 'cloud', password }));
    const recorder = new Recorder();
    await bus.subscribe(['#'], recorder.handler, { pool: 'p' });
    await bus.publish(message('a'));
    await recorder.atLeast(1);

    await broker.ctl('change_password', 'cloud', second);
    await broker.ctl('close_all_user_connections', 'cloud', 'the password was changed');
    await eventually(() =>
      expect(failures()).toContainEqual(
        expect.objectContaining({ code: 'BUS_CREDENTIALS_REFUSED' }),
      ),
    );
    const error = await rejection(bus.publish(message('b')));
    expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE', retryable: true });
    expect(String((error as Error).message)).toContain('refused the user or password');

    password = second;
    await eventually(() => bus.publish(message('c')), { deadline: 30_000 });
    await recorder.atLeast(2);
    expect(inspect([error, failures()], { depth: 9 })).not.toContain('S3CRET');
  }, 60_000);

  it('that are refused on the first connection are told as refused', async () => {
    const { bus } = open(() => ({ username: 'cloud', password: wrong }));
    const error = await rejection(bus.connect());
    expect(error).toMatchObject({ code: 'BUS_CREDENTIALS_REFUSED' });
    expect(inspect(error, { depth: 9 })).not.toContain('S3CRET');
  });

  it('are asked for again after their provider failed', async () => {
    const cause = new Error('vault: S3CRET-token expired');
    let isAway = true;
    const { bus } = open(() => {
      if (isAway) throw cause;
      return { username: 'steady', password: first };
    });
    const error = await rejection(bus.connect());
    expect(error).toMatchObject({ code: 'BUS_UNAVAILABLE', retryable: true, cause });
    expect((error as Error).message).toContain('credentials provider');
    expect((error as Error).message).not.toContain('S3CRET');
    isAway = false;
    await bus.connect();
  });

  it('that never come are told when the time to connect is over', async () => {
    const { bus } = open(() => new Promise(() => {}));
    expect(await rejection(bus.connect())).toMatchObject({
      code: 'BUS_UNAVAILABLE',
      message: expect.stringContaining('credentials provider') as string,
    });
  });

  it('of another form are refused by name, without their values', async () => {
    const { bus } = open(() => ({ user: 'cloud', password: wrong }) as never);
    const error = await rejection(bus.connect());
    expect(error).toMatchObject({ code: 'CONFIG_VALUE_INVALID' });
    expect(inspect(error, { depth: 9 })).not.toContain('S3CRET');
  });

  it('come from one place: a user in the address beside a provider is refused', () => {
    const credentials = () => ({ username: 'cloud', password: first });
    expect(() => rabbitmq({ url: `amqp://cloud:${wrong}@h`, credentials })).toThrow(
      /has no user when credentials/,
    );
  });
});
