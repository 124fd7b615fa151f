import { describe, expect, expectTypeOf, it } from 'vitest';
import { rabbitmq } from '../../../src/delivery/amqp/index.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { connectBuses } from '../../../src/config/connect-bus.js';
import { loadFormats } from '../../../src/config/load-formats.js';
import { validateConfiguration } from '../../../src/config/validate-configuration.js';
import { cloudEventsBinary } from '../../../src/delivery/formats/cloudevents-binary.js';
import { cloudEvents } from '../../../src/delivery/formats/cloudevents.js';
import { cloudStack } from '../../../src/delivery/formats/cloudstack/cloudstack.js';
import type { Format } from '../../../src/delivery/formats/format.js';
import { defineFormats, formats, type FormatName } from '../../../src/delivery/formats/formats.js';

const acme: Format = { ...cloudEvents, name: 'acme' };

describe('the formats that go by a name', () => {
  it('are the built-in ones, each under the name it tells', () => {
    expectTypeOf<FormatName>().toEqualTypeOf<
      'cloudevents' | 'cloudevents-binary' | 'cloudstack' | 'oslo'
    >();
    for (const name of formats.names) expect(formats.get(name, 'amqp').name).toBe(name);
    expect(formats.get('cloudevents-binary', 'kafka')).toBe(cloudEventsBinary('kafka'));
  });

  it('are yours too', () => {
    const all = defineFormats([acme]);
    expect(all.get('acme', 'kafka')).toBe(acme);
    expect(all.names).toEqual([...formats.names, 'acme']);
    expect(() => formats.get('acme', 'amqp')).toThrow(/no format 'acme'/);
  });

  it.each([
    ['a misspelt name', () => formats.get('cloudstak', 'amqp'), /Did you mean 'cloudstack'/],
    ['two of one name', () => defineFormats([acme, acme]), /two formats are named 'acme'/],
    ['a built-in name', () => defineFormats([cloudEvents]), /'cloudevents'/],
    ['what is no format', () => defineFormats([{ name: 'x' } as Format]), /is a format/],
    ['a bus of such', () => memoryBus({ format: 'oslo' as unknown as Format }), /be a format/],
    ['a broker of such', () => rabbitmq({ url: 'amqp://h', format: {} as Format }), /be a format/],
  ])('refuse %s', (_, make, reason) => {
    expect(make).toThrow(expect.objectContaining({ code: 'CONFIG_VALUE_INVALID' }));
    expect(make).toThrow(reason);
  });
});

describe('a configuration file', () => {
  it('names the format of each bus, also one of a module of yours', async () => {
    const configuration = validateConfiguration(
      {
        formats: ['./test/delivery/formats/fixtures/acme-format.ts'],
        bus: [
          { url: 'amqp://127.0.0.1', name: 'a', format: 'cloudstack' },
          { url: 'memory:', name: 'b', format: 'acme' },
          { url: 'memory:', name: 'c' },
        ],
      },
      'the test',
    );
    const buses = await connectBuses(configuration.bus, await loadFormats(configuration.formats));
    expect(buses.map(({ format }) => format?.name)).toEqual(['cloudstack', 'acme', undefined]);
    expect(buses[0]?.format).toBe(cloudStack);
    await Promise.all(buses.map((bus) => bus.close()));
  });

  it.each([
    [['./no-such-file.ts'], /no-such-file.ts cannot be loaded/],
    [['./src/core/events/category.ts'], /exports no format/],
  ])('is refused with a module that cannot serve: %s', async (paths, reason) => {
    await expect(loadFormats(paths)).rejects.toMatchObject({
      code: 'CONFIG_VALUE_INVALID',
      message: expect.stringMatching(reason),
    });
  });

  it('is refused with a format that nobody has', async () => {
    const bus = { url: 'amqp://u:c4n4ry@127.0.0.1', format: 'osla' };
    const refused = await connectBuses(bus).catch(String);
    expect(refused).toMatch(/Did you mean 'oslo'/);
    expect(refused).not.toMatch(/c4n4ry/);
  });
});
