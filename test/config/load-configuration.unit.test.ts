import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectBuses } from '../../src/config/connect-bus.js';
import { loadConfiguration } from '../../src/config/load-configuration.js';
import { ConfigurationError } from '../../src/core/errors/errors.js';

const canary = 'c4n4ry-s3cret';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-config-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const write = (name: string, text: string) => writeFile(join(directory, name), text);
const load = (environment: Record<string, string> = {}) =>
  loadConfiguration({ directory, environment });

async function failure(): Promise<ConfigurationError> {
  const error: unknown = await load().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigurationError);
  expect(inspect(error, { depth: 9 })).not.toContain(canary);
  expect(JSON.stringify(error)).not.toContain(canary);
  return error as ConfigurationError;
}

describe('a configuration file', () => {
  const configuration = { database: 'sqlite:cloud.sqlite', source: 'cloud-1' };

  test.each([
    ['signalbox.config.json', JSON.stringify(configuration)],
    ['signalbox.config.js', `export default ${JSON.stringify(configuration)};`],
    [
      'signalbox.config.ts',
      `interface Shape { database: string; source: string }
       const configuration: Shape = ${JSON.stringify(configuration)};
       export default configuration;`,
    ],
  ])('is read from %s', async (name, text) => {
    await write(name, text);
    expect(await load()).toEqual(configuration);
  });

  test('is overridden by the environment, key by key', async () => {
    await write('signalbox.config.json', JSON.stringify(configuration));
    expect(
      await load({ SIGNALBOX_DATABASE: 'postgres://db/x', SIGNALBOX_BUS: 'amqp://a, amqp://b' }),
    ).toEqual({ database: 'postgres://db/x', source: 'cloud-1', bus: ['amqp://a', 'amqp://b'] });
  });

  test('does not pass over a misspelt variable of the environment, nor mind another one', async () => {
    await expect(load({ SIGNALBOX_DATABSE: `postgres://u:${canary}@h/x` })).rejects.toMatchObject({
      code: 'CONFIG_KEY_UNKNOWN',
      message: expect.stringMatching(/SIGNALBOX_DATABSE.*SIGNALBOX_DATABASE/) as string,
    });
    expect(await load({ SIGNALBOX_TEST_SEED: '7', DATABASE_URL: 'x' })).toEqual({});
  });

  test('may be missing unless it was named', async () => {
    expect(await load()).toEqual({});
    await expect(loadConfiguration({ directory, file: 'mine.json' })).rejects.toMatchObject({
      code: 'CONFIG_FILE_INVALID',
      message: expect.stringContaining('mine.json') as string,
    });
  });

  test.each([
    ['{ "databse": "x" }', 'CONFIG_KEY_UNKNOWN', /signalbox\.config\.json.*'databse'.*'database'/],
    ['{ "relay": { "btach": 5 } }', 'CONFIG_KEY_UNKNOWN', /'relay\.btach'.*'batch'/],
    [
      `{ "bus": { "url": "amqp://u:${canary}@h", "exchagne": "x" } }`,
      'CONFIG_KEY_UNKNOWN',
      /'bus\.exchagne'.*'exchange'/,
    ],
    [
      `{ "bus": [{ "urls": "amqp://u:${canary}@h" }] }`,
      'CONFIG_KEY_UNKNOWN',
      /'bus\[0\]\.urls'.*'url'/,
    ],
    ['{ "relay": { "batch": 0 } }', 'CONFIG_VALUE_INVALID', /relay\.batch/],
    [`{ "source": ["${canary}"] }`, 'CONFIG_VALUE_INVALID', /'source'/],
    ['[]', 'CONFIG_FILE_INVALID', /object/],
    [`{ "database": "postgres://u:${canary}@h/x", `, 'CONFIG_FILE_INVALID', /not valid JSON/],
  ])('%s is refused by a message that names the key', async (text, code, message) => {
    await write('signalbox.config.json', text);
    const error = await failure();
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  test('that is no JSON is refused without what it holds, in its cause neither', async () => {
    await write('signalbox.config.json', `{ "database": ${canary} }`);
    expect(inspect(await failure(), { depth: null })).not.toContain(canary.slice(0, 6));
  });

  test('that throws is refused with what it says, and no stack', async () => {
    await write('signalbox.config.js', 'throw new Error("no vault");');
    const error = await failure();
    expect([error.code, error.message]).toEqual([
      'CONFIG_FILE_INVALID',
      expect.stringContaining('no vault'),
    ]);
    expect(error.message).not.toContain('\n');
  });
});

describe('a bus of the configuration', () => {
  test.each([
    [`http://u:${canary}@h`, /amqp:\/\//],
    [`u:${canary}@h`, /amqp:\/\//],
    [`nats://u:${canary}@h/a.b`, /stream/],
    [{ url: [`nats://u:${canary}@h/a`, `nats://u:${canary}@g/b`] }, /same stream/],
    [{ url: `amqps://u:${canary}@h`, tls: { ca: '/nowhere/ca.pem' } }, /bus\.tls\.ca/],
    [`kafka://u:${canary}@h:x/t`, /kafka:\/\/host/],
    [{ url: `kafkas://u:${canary}@h/t`, exchange: 'e' }, /bus\.exchange/],
    [
      [`kafka://u:${canary}@h/t`, `amqp://h`].map((url) => ({ url: [url, 'memory:'] })),
      /kafka:\/\//,
    ],
  ])('with a bad address or file is refused without its password', async (bus, message) => {
    const error: unknown = await connectBuses(bus).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CONFIG_VALUE_INVALID' });
    expect((error as Error).message).toMatch(message);
    expect(inspect(error, { depth: 9 })).not.toContain(canary);
  });

  test('that is a Kafka address is a Kafka bus, with the format as Kafka has it', async () => {
    const [plain, formatted] = await connectBuses([
      'kafka://h:9092/cs',
      { url: 'kafkas://u:p@h/cs', name: 'other', format: 'cloudevents-binary' },
    ]);
    expect(plain).toMatchObject({ name: 'kafka', format: { name: 'cloudevents-binary' } });
    expect(formatted).toMatchObject({ name: 'other', format: plain?.format });
  });

  test('that is a NATS address is a NATS bus, with the stream of its path', async () => {
    const [bus] = await connectBuses({ url: ['nats://h/cloud', 'nats://g/cloud'], format: 'oslo' });
    expect(bus).toMatchObject({ name: 'nats', format: { name: 'oslo' } });
  });
});
