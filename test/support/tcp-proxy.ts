import { connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a server, so that a test can break what lies between. */
export interface TcpProxy {
  readonly port: number;
  /** How many connections are open now. */
  connections(): number;
  /** Breaks every connection; new ones are accepted. */
  cut(): void;
  /** Refuses new connections until `open`. */
  refuse(): void;
  /**
   * Swallows what either side sends, and tells neither: what a cable that was pulled looks like. New
   * connections are swallowed too, until `open`; those that have lost something stay dumb for good.
   */
  swallow(): void;
  /** Holds back all that passes for so many milliseconds. */
  slow(milliseconds: number): void;
  /** Takes connections, and passes on what comes at once. */
  open(): void;
  /** Leads new connections to another server. */
  retarget(target: Target): void;
  close(): Promise<void>;
}

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Two sockets that speak with each other, and whether something between them was lost. */
interface Pair {
  readonly sockets: readonly [Socket, Socket];
  dumb: boolean;
}

export async function startTcpProxy(first: Target): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let target = first;
  let mode: 'open' | 'refusing' | 'swallowing' = 'open';
  let delay = 0;

  const pass = (pair: Pair, from: Socket, to: Socket): void => {
    let last = 0;
    from.on('data', (chunk: Buffer) => {
      if (pair.dumb) return;
      const due = Math.max(last, performance.now() + delay);
      last = due;
      const write = (): void => {
        if (pair.dumb || to.destroyed || to.write(chunk)) return;
        from.pause();
        to.once('drain', () => from.resume());
      };
      // Even after `open` nothing may overtake what is held back.
      if (due > performance.now()) setTimeout(write, due - performance.now());
      else write();
    });
    from.on('end', () => {
      if (!pair.dumb) to.end();
    });
  };

  const server = createServer((client) => {
    if (mode === 'refusing') {
      client.destroy();
      return;
    }
    const upstream = connect(target);
    const pair: Pair = { sockets: [client, upstream], dumb: mode === 'swallowing' };
    pairs.add(pair);
    for (const socket of pair.sockets) {
      socket.on('error', () => {});
      socket.on('close', () => {
        pairs.delete(pair);
        for (const each of pair.sockets) each.destroy();
      });
    }
    pass(pair, client, upstream);
    pass(pair, upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cut = (): void => {
    for (const { sockets } of pairs) for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    connections: () => pairs.size,
    cut,
    refuse: () => {
      mode = 'refusing';
    },
    swallow: () => {
      mode = 'swallowing';
      for (const pair of pairs) pair.dumb = true;
    },
    slow: (milliseconds) => {
      delay = milliseconds;
    },
    open: () => {
      mode = 'open';
      delay = 0;
    },
    retarget: (other) => {
      target = other;
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
