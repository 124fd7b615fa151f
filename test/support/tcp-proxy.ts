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
  open(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let refusing = false;
  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const upstream = connect(target);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.on('close', () => {
        pairs.delete(pair);
        for (const each of pair) each.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const cut = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
  };
  return {
    port: address.port,
    connections: () => pairs.size,
    cut,
    refuse: () => {
      refusing = true;
    },
    open: () => {
      refusing = false;
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
