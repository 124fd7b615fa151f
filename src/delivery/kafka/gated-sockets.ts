import { connect as connectTcp, isIP, Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

/** Opens a connection to a broker: `net.connect`, or a test's stand-in for a network that breaks. */
export type SocketFactory = (to: {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | null | undefined;
  readonly onConnect: () => void;
}) => Socket;

/** The sockets of a client that has no end of its own: KafkaJS goes on with what it has begun. */
export class GatedSockets {
  readonly #make: SocketFactory;
  readonly #open = new Set<Socket>();
  #ended = false;

  constructor(make: SocketFactory = connectToBroker) {
    this.#make = make;
  }

  readonly factory: SocketFactory = (to) => {
    const socket = this.#ended ? new Socket() : this.#make(to);
    if (this.#ended) setImmediate(() => socket.destroy(new Error('the bus is closed')));
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  /** Cuts every connection; no more are made. */
  end(): void {
    this.#ended = true;
    for (const socket of this.#open) socket.destroy(new Error('the bus is closed'));
  }
}

/** As KafkaJS does it. */
function connectToBroker({ host, port, ssl, onConnect }: Parameters<SocketFactory>[0]): Socket {
  // KafkaJS says null, whatever its types say.
  if (ssl === undefined || ssl === null) return connectTcp({ host, port }, onConnect);
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, port, ...servername, ...ssl }, onConnect);
}
