import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { rabbitmq } from '../../../src/delivery/amqp/index.js';
import type { BusCapabilities } from '../../../src/delivery/bus/bus.js';
import { kafka } from '../../../src/delivery/kafka/index.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { nats } from '../../../src/delivery/nats/index.js';
import { busConformance } from '../../../src/testing/bus-conformance.js';

const declared: Readonly<Record<string, BusCapabilities>> = {
  memoryBus: memoryBus().capabilities,
  rabbitmq: rabbitmq({ url: 'amqp://localhost' }).capabilities,
  nats: nats({ url: 'nats://localhost' }).capabilities,
  kafka: kafka({ brokers: 'localhost:9092' }).capabilities,
};

const page = readFileSync(join(resolve(import.meta.dirname, '../../..'), 'docs/buses.md'), 'utf8');

/** The cells of each line of the page's table of capabilities. */
function table(): readonly (readonly string[])[] {
  const [, after = ''] = page.split('## What each can do');
  const [section = ''] = after.split('\n## ');
  return section
    .split('\n')
    .filter((line) => line.startsWith('|') && !line.startsWith('| -'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

it('the page on buses shows what every adapter declares, and nothing else', () => {
  const [[, ...adapters] = [], ...lines] = table();
  expect(adapters).toEqual(Object.keys(declared));
  for (const [index, adapter] of adapters.entries()) {
    const shown = lines.map(([capability, ...cells]) => [capability, cells[index] === 'yes']);
    expect(Object.fromEntries(shown)).toEqual(declared[adapter]);
  }
});

it('the suite lists what an adapter lacks, and why', () => {
  const open = () => {
    throw new Error('nothing is run');
  };
  const all = busConformance({ open, capabilities: declared['rabbitmq'] as BusCapabilities });
  expect(all.filter(({ lacks }) => lacks !== undefined)).toEqual([]);
  const some = busConformance({
    open,
    capabilities: { ...(declared['rabbitmq'] as BusCapabilities), choosesOrder: false },
    untried: { interrupt: 'nothing to break' },
  });
  expect(some).toHaveLength(all.length);
  const lacking = some.flatMap(({ name, lacks }) => (lacks ? [{ name, ...lacks }] : []));
  expect(lacking).toContainEqual({
    name: '[without choosesOrder] members that want different orders are refused',
    need: 'choosesOrder',
    reason: 'the adapter does not declare it',
  });
  expect(new Set(lacking.map(({ need }) => need))).toEqual(new Set(['choosesOrder', 'interrupt']));
});
