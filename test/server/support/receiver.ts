import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that reached the receiver. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A receiver of webhooks on this machine, over real HTTP. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  /** `127.0.0.1:<port>`, as the guard's allow list takes it. */
  readonly entry: string;
  /** Deliveries, without challenges. */
  readonly received: Received[];
  /** How it answers deliveries; default 204. */
  answer: (received: Received, response: ServerResponse) => void;
  /** How it answers challenges; default by echoing them. */
  confirm: (received: Received, response: ServerResponse) => void;
}

export async function startReceiver(): Promise<Receiver> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const received = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(parts).toString(),
      };
      if (received.method === 'OPTIONS' || received.body.includes('"endpoint.verification"')) {
        receiver.confirm(received, response);
        return;
      }
      receiver.received.push(received);
      receiver.answer(received, response);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}/hook?of=test`,
    entry: `127.0.0.1:${port}`,
    received: [],
    answer: (_, response) => {
      response.writeHead(204).end();
    },
    confirm: ({ body }, response) => {
      const { challenge } = JSON.parse(body) as { readonly challenge: string };
      response.end(challenge);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}
