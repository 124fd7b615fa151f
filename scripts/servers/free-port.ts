import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const lowest = 10_240;
// No system lends ports below this one, unless its administrator has it so.
const usuallyLent = 32_768;
const tries = 1_000;

const given = new Set<number>();

/**
 * A TCP port of the loopback that nobody listens on now, that this process was not given before, and
 * that the system lends to no outgoing connection: a server that was stopped finds it free.
 */
export async function freePort(): Promise<number> {
  const end = firstLent();
  for (let count = 0; count < tries; count += 1) {
    const port = randomInt(lowest, end);
    if (given.has(port)) continue;
    given.add(port);
    if (await canBeListenedOn(port)) return port;
  }
  throw new Error(`no free TCP port was found between ${lowest} and ${end - 1}`);
}

function firstLent(): number {
  const range = '/proc/sys/net/ipv4/ip_local_port_range';
  if (!existsSync(range)) return usuallyLent;
  const first = Number.parseInt(readFileSync(range, 'utf8'), 10);
  // Where nearly all are lent, one of them is the best there is.
  return first < lowest + tries ? usuallyLent : Math.min(first, usuallyLent);
}

async function canBeListenedOn(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((answer) => {
    server.once('error', () => answer(false));
    server.listen(port, '127.0.0.1', () => server.close(() => answer(true)));
  });
}
