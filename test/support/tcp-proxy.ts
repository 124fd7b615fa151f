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
    // A queue, and not a timer for each chunk: a chunk that need not wait must not overtake one whose timer
    // is late, or the peer reads frames in another order than they were sent.
    const held: { readonly chunk: Buffer; readonly due: number }[] = [];
    let timer: NodeJS.Timeout | undefined;
    let ended = false;
    const write = (chunk: Buffer): void => {
      if (pair.dumb || to.destroyed || to.write(chunk)) return;
      from.pause();
      to.once('drain', () => from.resume());
    };
    const release = (): void => {
      timer = undefined;
      for (let [first] = held; first !== undefined; [first] = held) {
        const left = first.due - performance.now();
        if (left > 0) {
          timer = setTimeout(release, left);
          return;
        }
        held.shift();
        write(first.chunk);
      }
      if (ended && !pair.dumb) to.end();
    };
    from.on('data', (chunk: Buffer) => {
      if (pair.dumb) return;
      held.push({ chunk, due: performance.now() + delay });
      if (timer === undefined) release();
    });
    from.on('end', () => {
      ended = true;
      if (timer === undefined) release();
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
