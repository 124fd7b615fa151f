import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server that can be cut at a chosen moment. */
export interface CutLine extends AsyncDisposable {
  /** The server's URL, by way of this line. */
  readonly url: string;
  /** From now on nothing that the server says arrives on the connections that are open. */
  muteServer(): void;
  /** Ends the connections that are open. New ones work. */
  cut(): void;
}

/** Opens a line to the server of a database URL. */
export async function cutLine(url: string): Promise<CutLine> {
  const { hostname, port } = new URL(url);
  const open = new Set<{ readonly client: Socket; readonly server: Socket }>();
  const listener = createServer((client) => {
    const server = connect(Number(port), hostname);
    const line = { client, server };
    open.add(line);
    client.pipe(server);
    server.pipe(client);
    for (const socket of [client, server]) {
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(line);
        client.destroy();
        server.destroy();
      });
    }
  });
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const way = new URL(url);
  way.hostname = '127.0.0.1';
  way.port = String((listener.address() as AddressInfo).port);
  const cut = () => open.forEach(({ client }) => client.destroy());
  return {
    url: way.href,
    muteServer: () => open.forEach(({ client, server }) => server.unpipe(client)),
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((done) => listener.close(done));
    },
  };
}
