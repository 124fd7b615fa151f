import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';

vi.mock('node:crypto', { spy: true });
const draw = vi.mocked(randomInt as (min: number, max: number) => number);

const range = '/proc/sys/net/ipv4/ip_local_port_range';
const [first = 32_768, last = 65_535] = existsSync(range)
  ? readFileSync(range, 'utf8').trim().split(/\s+/).map(Number)
  : [];

/** As a process has it that was given no port yet. */
async function anew(): Promise<() => Promise<number>> {
  vi.resetModules();
  return (await import('../../scripts/servers/free-port.js')).freePort;
}

describe('a free port', () => {
  afterEach(() => draw.mockReset());

  // Where the system lends nearly every port, there is no such port.
  it.runIf(first > 12_000)('is never one that an outgoing connection could be given', async () => {
    const freePort = await anew();
    for (let count = 0; count < 100; count += 1) {
      const port = await freePort();
      expect(port < first || port > last, `${port} is not between ${first} and ${last}`).toBe(true);
    }
  });

  it('is not given twice by one process', async () => {
    const freePort = await anew();
    const port = await freePort();
    draw.mockReturnValueOnce(port);
    expect(await freePort()).not.toBe(port);
  });

  it('is none that somebody listens on', async () => {
    const port = await (await anew())();
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    try {
      const freePort = await anew();
      draw.mockReturnValueOnce(port);
      expect(await freePort()).not.toBe(port);
    } finally {
      server.close();
    }
  });
});
