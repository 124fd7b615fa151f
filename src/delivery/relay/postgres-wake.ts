import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ClientConfig } from 'pg';
import type { DataSource } from 'typeorm';
import { wakeChannel } from '../../persistence/tables/wake-channel.js';
import { backoff } from '../kit/backoff.js';
import type { WakeListener } from './wake-listener.js';

// A NOTIFY takes a lock that every commit with a NOTIFY in the whole server waits for. At most one in
// this many milliseconds, and outside of the callers' transactions, costs nothing that shows.
const notifyEvery = 5;

// Longer than that, and nobody could stop while the server does not answer.
const connectTimeout = 5000;

/** Tells relays in other processes that something was committed. */
export interface WakeNotifier {
  /** Cheap and debounced; never waits, never throws. */
  notify(): void;
  /** Sends what is due and disconnects. Never rejects; safe to call twice. */
  close(): Promise<void>;
}

/**
 * Notifies by PostgreSQL's NOTIFY on a connection of its own, which it opens at the first use. A lost
 * notification is no harm: relays also look by themselves.
 *
 * @param sender who tells, so that a listener can leave out what it knows; letters, digits and dashes.
 */
export function postgresNotifier(dataSource: DataSource, sender = ''): WakeNotifier {
  let client: Promise<Client> | undefined;
  let due = false;
  let closed = false;
  let sending: Promise<void> | undefined;

  const open = (): Promise<Client> => {
    const opened = connect(dataSource, () => void drop(opened));
    return opened;
  };

  /** A lost connection reports its end more than once: only itself may be dropped, not its successor. */
  const drop = async (dropped: Promise<Client>): Promise<void> => {
    if (client === dropped) client = undefined;
    await dropped.then(disconnect, () => undefined);
  };

  const send = async (): Promise<void> => {
    while (due) {
      due = false;
      const present = (client ??= open());
      try {
        // One transaction, after which the connection is as it was: a pooler may lend it to others. A
        // notification need not survive a crash of the server, so its commit need not wait for the disk.
        await (
          await present
        ).query(
          `SET LOCAL synchronous_commit = off; NOTIFY ${wakeChannel(dataSource)}, '${sender}'`,
        );
      } catch {
        await drop(present);
      }
      if (!closed) await delay(notifyEvery);
    }
    sending = undefined;
  };

  return {
    notify() {
      due = !closed;
      sending ??= closed ? undefined : send();
    },
    async close() {
      closed = true;
      await sending;
      if (client !== undefined) await drop(client);
    },
  };
}

/**
 * Listens by PostgreSQL's LISTEN on a connection of its own, and connects again when it is lost. After
 * every connect it wakes the relay once, for what was committed meanwhile. Behind a pooler it does not
 * listen: that would be left on a connection which others get, and wake nobody here.
 *
 * @param known whose notifications wake nobody: this sender wakes the relay by itself, and sooner.
 */
export function postgresWakeListener(dataSource: DataSource, known?: string): WakeListener {
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();

  const listen = async (wake: () => void): Promise<void> => {
    const delays = backoff(100, 5000);
    while (!stopping.signal.aborted) {
      let end: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => (end = resolve));
      stopping.signal.addEventListener('abort', end, { once: true });
      try {
        const client = await connect(dataSource, end);
        if (!(await isDirect(client))) {
          await disconnect(client);
          return;
        }
        client.on('notification', ({ payload }) => {
          if (known === undefined || payload !== known) wake();
        });
        await client.query(`LISTEN ${wakeChannel(dataSource)}`);
        delays.reset();
        wake();
        await ended;
        await disconnect(client);
      } catch {
        // The relay's own queries tell of a database that is away.
      }
      stopping.signal.removeEventListener('abort', end);
      await delay(delays.next(), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };

  return {
    start(wake) {
      running = listen(wake);
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Another connection as the DataSource's own pool makes them. Rejects when it cannot be made. */
async function connect(dataSource: DataSource, onEnd: () => void): Promise<Client> {
  const { Client: Driver, options } = (dataSource.driver as unknown as { master: PoolOfClients })
    .master;
  const client = new Driver({
    ...options,
    // Not enumerable on the pool, so that it is in no log.
    password: options.password,
    connectionTimeoutMillis: options.connectionTimeoutMillis ?? connectTimeout,
    keepAlive: true,
  });
  // Without a listener, the loss of an idle connection would end the process.
  client.on('error', onEnd);
  client.on('end', onEnd);
  try {
    await client.connect();
  } catch (error) {
    await disconnect(client);
    throw error;
  }
  return client;
}

/** Whether the server's own process is at the other end: a pooler tells numbers of its own. */
async function isDirect(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ number: number }>('SELECT pg_backend_pid() AS number');
  return rows[0]?.number === (client as unknown as { readonly processID?: number }).processID;
}

async function disconnect(client: Client): Promise<void> {
  await client.end().catch(() => undefined);
}

interface PoolOfClients {
  readonly Client: typeof Client;
  readonly options: ClientConfig;
}
