import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { freePort } from '../../scripts/servers/free-port.js';
import { eventually } from './eventually.js';
import { type PrivateNats, startPrivateNats } from './private-nats.js';

/** Three servers that are one, each of which may be stopped, killed and frozen. */
export interface NatsCluster {
  readonly nodes: readonly PrivateNats[];
  /** The node that leads a stream, as one of these says, which must be in order. Default any. */
  leaderOf(stream: string, witnesses?: readonly PrivateNats[]): Promise<PrivateNats>;
  /** Resolves when every copy of a stream is up to date. */
  whole(stream: string): Promise<void>;
  dispose(): Promise<void>;
}

const patience = { deadline: 60_000, every: 250 };

/** Starts three nodes on the loopback. Resolves when they have elected who leads JetStream. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const routes = [await freePort(), await freePort(), await freePort()];
  const all = routes.map((port) => `"nats://127.0.0.1:${port}"`).join(', ');
  const nodes: PrivateNats[] = [];
  const dispose = async (): Promise<void> => {
    for (const node of nodes) await node.dispose();
  };
  try {
    for (const [index, port] of routes.entries()) {
      const config = [
        `server_name: "node-${index}"`,
        `cluster { name: "faults", listen: "127.0.0.1:${port}", routes: [${all}] }`,
      ];
      nodes.push(await startPrivateNats(config));
    }
    // Who leads is elected by all; before that nobody makes a stream.
    await eventually(() => ask(nodes, (manager) => manager.getAccountInfo()), patience);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    nodes,
    dispose,
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
