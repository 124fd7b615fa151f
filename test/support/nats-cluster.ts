import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { freePort } from '../../scripts/servers/free-port.js';
import { eventually } from './eventually.js';
import { type PrivateNats, startPrivateNats } from './private-nats.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';

/** Three servers that are one, each of which may be stopped, killed, frozen and cut off. */
export interface NatsCluster {
  readonly nodes: readonly PrivateNats[];
  /** The node that leads a stream, as one of these says, which must be in order. Default any. */
  leaderOf(stream: string, witnesses?: readonly PrivateNats[]): Promise<PrivateNats>;
  /** Resolves when every copy of a stream is up to date. */
  whole(stream: string): Promise<void>;
  /** Cuts a node off from the others as if a cable were pulled, clients left as they are, until `rejoin`. */
  isolate(node: PrivateNats): void;
  /** Resolves when a node that was cut off knows that it is alone. */
  alone(node: PrivateNats, stream: string): Promise<void>;
  rejoin(node: PrivateNats): void;
  dispose(): Promise<void>;
}

/** What one node reaches another through. */
interface Line {
  readonly from: number;
  readonly to: number;
  readonly proxy: TcpProxy;
}

const patience = { deadline: 60_000, every: 250 };

/** Starts three nodes on the loopback. Resolves when they have elected who leads JetStream. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const nodes: PrivateNats[] = [];
  const lines: Line[] = [];
  const dispose = async (): Promise<void> => {
    for (const node of nodes) await node.dispose();
    for (const { proxy } of lines) await proxy.close();
  };
  try {
    for (const [from] of ports.entries()) {
      for (const [to, port] of ports.entries()) {
        if (to === from) continue;
        lines.push({ from, to, proxy: await startTcpProxy({ host: '127.0.0.1', port }) });
      }
    }
    for (const [index, port] of ports.entries()) {
      const routes = lines
        .filter(({ from }) => from === index)
        .map(({ proxy }) => `"nats://127.0.0.1:${proxy.port}"`);
      // Nodes tell one another where to find the third. Nothing is there: no route may go past the lines.
      const config = [
        `server_name: "node-${index}"`,
        `cluster { name: "faults", listen: "127.0.0.1:${port}", advertise: "127.0.0.1:1", routes: [${routes.join(', ')}] }`,
      ];
      nodes.push(await startPrivateNats(config));
    }
    // Who leads is elected by all; before that nobody makes a stream.
    await eventually(() => ask(nodes, (manager) => manager.getAccountInfo()), patience);
  } catch (error) {
    await dispose();
    throw error;
  }
  const linesOf = (node: PrivateNats): readonly TcpProxy[] => {
    const index = nodes.indexOf(node);
    return lines.filter(({ from, to }) => from === index || to === index).map(({ proxy }) => proxy);
  };
  return {
    nodes,
    dispose,
    isolate: (node) => {
      for (const line of linesOf(node)) line.swallow();
    },
    alone: (node, stream) =>
      eventually(async () => {
        const led = await ask([node], (manager) => manager.streams.info(stream)).then(
          ({ cluster }) => cluster?.leader !== undefined,
          () => false,
        );
        if (led) throw new Error(`the node still knows a leader of ${stream}`);
      }, patience),
    rejoin: (node) => {
      for (const line of linesOf(node)) {
        line.open();
        // Those that have lost something are of no use any more.
        line.cut();
      }
    },
    leaderOf: (stream, witnesses = nodes) =>
      eventually(async () => {
        const { cluster } = await ask(witnesses, (manager) => manager.streams.info(stream));
        const leader = nodes.find((_, index) => cluster?.leader === `node-${index}`);
        if (leader === undefined) throw new Error(`nobody knows the leader of ${stream}`);
        return leader;
      }, patience),
    whole: (stream) =>
      eventually(async () => {
        const { cluster } = await ask(nodes, (manager) => manager.streams.info(stream));
        const copies = cluster?.replicas ?? [];
        if (copies.length < 2 || !copies.every(({ current }) => current)) {
          throw new Error(`a copy of ${stream} is behind`);
        }
      }, patience),
  };
}

/** Asks the first of these that answers. */
async function ask<T>(
  nodes: readonly PrivateNats[],
  question: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<T>,
): Promise<T> {
  const servers = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const connection = await connect({ servers, reconnect: false, timeout: 2_000 });
  try {
    return await question(await jetstreamManager(connection, { checkAPI: false, timeout: 2_000 }));
  } finally {
    await connection.close();
  }
}
