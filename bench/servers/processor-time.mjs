import { readdir, readFile, readlink } from 'node:fs/promises';

// The kernel counts in ticks of 10 ms on every platform that Node.js runs on.
const microsecondsOfTick = 10_000;

/**
 * Reads how much processor time the server behind a URL has taken, with its child processes, in
 * microseconds. Resolves with undefined where its processes cannot be seen: it is on another machine,
 * belongs to another user, or the system is not Linux.
 */
export async function serverProcessorTime(url) {
  const { hostname, port, protocol } = new URL(url);
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) return undefined;
  const fallback = protocol.startsWith('amqp') ? 5672 : 5432;
  try {
    const inodes = await listeningOn(port === '' ? fallback : Number(port));
    const server = await holderOf(inodes);
    return server === undefined ? undefined : () => timeOf(server);
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes(error?.code)) return undefined;
    throw error;
  }
}

async function listeningOn(port) {
  const inodes = new Set();
  const listening = '0A';
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (await readFile(table, 'utf8')).split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/u);
      if (state === listening && Number.parseInt(local.split(':')[1], 16) === port) {
        inodes.add(`socket:[${inode}]`);
      }
    }
  }
  return inodes;
}

/** The oldest process that holds one of the sockets: PostgreSQL's backends inherit it. */
async function holderOf(inodes) {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name)).map(Number);
  for (const pid of pids.toSorted((a, b) => a - b)) {
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      if (inodes.has(target)) return pid;
    }
  }
  return undefined;
}

async function timeOf(server) {
  const all = await Promise.all(
    (await readdir('/proc')).filter((name) => /^\d+$/u.test(name)).map(statOf),
  );
  const ticks = all
    .filter((stat) => stat !== undefined && (stat.pid === server || stat.parent === server))
    // What children took that have ended is in their parent's account.
    .reduce((sum, { pid, own, ended }) => sum + own + (pid === server ? ended : 0), 0);
  return ticks * microsecondsOfTick;
}

async function statOf(pid) {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [parent, user, system, endedUser, endedSystem] = [1, 11, 12, 13, 14].map((index) =>
    Number(fields[index]),
  );
  return { pid: Number(pid), parent, own: user + system, ended: endedUser + endedSystem };
}
