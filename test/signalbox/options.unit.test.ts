import { inspect } from 'node:util';
import { DataSource } from 'typeorm';
import { describe, expect, test } from 'vitest';
import { volume } from '../../machines/index.js';
import { createSignalbox } from '../../src/signalbox/create-signalbox.js';
import type { SignalboxOptions } from '../../src/signalbox/create-signalbox.js';
import { ResourceEntity } from '../../src/persistence/resource/resource-entity.js';

const canary = 'c4n4ry-s3cret';
const url = `amqp://guest:${canary}@127.0.0.1`;

class Volume extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
}

const valid = {
  source: 'compute',
  dataSource: new DataSource({ type: 'better-sqlite3', database: ':memory:' }),
  resources: [Volume],
};

describe('an option that cannot be, from a caller whom no compiler warns,', () => {
  test.each([
    ['a misspelt name', { ...valid, resorces: [] }, 'CONFIG_KEY_UNKNOWN', "'resources'"],
    ['a name like none', { ...valid, colour: 'red' }, 'CONFIG_KEY_UNKNOWN', 'groupCommit'],
    ['no data source', { resources: [Volume] }, 'CONFIG_VALUE_INVALID', "'dataSource'"],
    [
      'no source',
      { dataSource: valid.dataSource, resources: [Volume] },
      'CONFIG_VALUE_INVALID',
      "the name of this program, such as 'compute'",
    ],
    ['no resources', { dataSource: valid.dataSource }, 'CONFIG_VALUE_INVALID', "'resources'"],
    ['a bus that is an address', { ...valid, bus: url }, 'CONFIG_VALUE_INVALID', 'rabbitmq({ url'],
    [
      'a format that is a name',
      { ...valid, format: 'oslo' },
      'CONFIG_VALUE_INVALID',
      'a format, such as',
    ],
    ['buses of which one is', { ...valid, bus: [url] }, 'CONFIG_VALUE_INVALID', 'rabbitmq({ url'],
  ])('is refused by name, without its value: %s', async (_, options, code, text) => {
    const error: unknown = await createSignalbox(options as unknown as SignalboxOptions).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ name: 'ConfigurationError', code });
    expect((error as Error).message).toContain(text);
    expect(inspect(error, { depth: 9 })).not.toContain(canary);
  });
});
