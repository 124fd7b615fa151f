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
  /** Judges what the clients send, chunk by chunk; without a judge all passes. */
  inspect(judge: Judge | undefined): void;
  /** Leads new connections to another server. */
  retarget(target: Target): void;
  close(): Promise<void>;
}

/**
 * What becomes of a chunk and its connection. `cut`: the chunk is lost and the connection ends.
 * `pass and cut`: the server gets it, and the connection ends when it has answered. A promise holds the
 * connection back until then.
 */
export type Verdict = 'pass' | 'cut' | 'pass and cut';
export type Judge = (chunk: Buffer, connection: object) => Verdict | Promise<Verdict>;

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Two sockets that speak with each other, and whether something between them was lost. */
interface Pair {
  readonly sockets: readonly [Socket, Socket];
  dumb: boolean;
  /** Ends with the server's next answer. */
  doomed: boolean;
}

export async function startTcpProxy(first: Target): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let target = first;
  let mode: 'open' | 'refusing' | 'swallowing' = 'open';
  let delay = 0;

  let judge: Judge | undefined;

  const end = ({ sockets }: Pair): void => {
    for (const socket of sockets) socket.destroy();
  };

  const pass = (pair: Pair, from: Socket, to: Socket, isClient: boolean): void => {
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
    const take = (chunk: Buffer): void => {
      held.push({ chunk, due: performance.now() + delay });
      if (timer === undefined) release();
    };
    const execute = (verdict: Verdict, chunk: Buffer): void => {
      if (verdict === 'cut') return end(pair);
      if (verdict === 'pass and cut') pair.doomed = true;
      take(chunk);
    };
    from.on('data', (chunk: Buffer) => {
      if (pair.dumb) return;
      if (pair.doomed && !isClient) return end(pair);
      const verdict = isClient && judge !== undefined ? judge(chunk, pair) : 'pass';
      if (typeof verdict === 'string') return execute(verdict, chunk);
      from.pause();
      void verdict.then((told) => {
        execute(told, chunk);
        from.resume();
      });
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
    const pair: Pair = { sockets: [client, upstream], dumb: mode === 'swallowing', doomed: false };
    pairs.add(pair);
    for (const socket of pair.sockets) {
      socket.on('error', () => {});
      socket.on('close', () => {
        pairs.delete(pair);
        for (const each of pair.sockets) each.destroy();
      });
    }
    pass(pair, client, upstream, true);
    pass(pair, upstream, client, false);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cut = (): void => {
    pairs.forEach(end);
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
    inspect: (other) => {
      judge = other;
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
