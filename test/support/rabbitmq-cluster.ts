import { randomBytes } from 'node:crypto';
import { freePort } from '../../scripts/servers/free-port.js';
import { eventually } from './eventually.js';
import { type PrivateRabbitmq, startPrivateRabbitmq } from './private-rabbitmq.js';

/** Three brokers that are one, each of which may be killed, frozen and cut off. */
export interface RabbitmqCluster {
  readonly nodes: readonly PrivateRabbitmq[];
  /** The node that leads a quorum queue, as one of these says, which must be in order. Default any. */
  leaderOf(queue: string, witnesses?: readonly PrivateRabbitmq[]): Promise<PrivateRabbitmq>;
  /** Cuts a node off from the others, clients left as they are, until `rejoin`. */
  isolate(node: PrivateRabbitmq): Promise<void>;
  rejoin(node: PrivateRabbitmq): Promise<void>;
  dispose(): Promise<void>;
}

/** Starts three nodes on the loopback. Whoever is left alone stops serving until it is not. */
export async function startRabbitmqCluster(): Promise<RabbitmqCluster> {
  const cluster = { cookie: randomBytes(16).toString('hex'), epmdPort: await freePort() };
  const config = ['cluster_partition_handling = pause_minority'];
  const nodes: PrivateRabbitmq[] = [];
  const dispose = async (): Promise<void> => {
    for (const node of nodes) await node.dispose();
  };
  try {
    for (let index = 0; index < 3; index += 1) {
      const node = await startPrivateRabbitmq({ cluster, config });
      nodes.push(node);
      const [first] = nodes;
      if (first === undefined || first === node) continue;
      await node.ctl('stop_app');
      await node.ctl('reset');
      await node.ctl('join_cluster', first.node);
      await node.ctl('start_app');
    }
  } catch (error) {
    await dispose();
    throw error;
  }

  return {
    nodes,
    dispose,
    async leaderOf(queue, witnesses = nodes) {
      return eventually(
        async () => {
          for (const witness of witnesses) {
            const listed = await witness
              .ctl('list_queues', '--no-table-headers', 'name', 'leader')
              .catch(() => '');
            const line = listed.split('\n').find((each) => each.split('\t')[0] === queue);
            const leader = nodes.find(({ node }) => node === line?.split('\t')[1]?.trim());
            if (leader !== undefined) return leader;
          }
          throw new Error(`nobody knows the leader of ${queue}`);
        },
        { deadline: 60_000, every: 500 },
      );
    },
    async isolate(node) {
      await node.ctl(
        'eval',
        'lists:foreach(fun(N) -> erlang:set_cookie(N, isolated), erlang:disconnect_node(N) end, nodes()).',
      );
    },
    async rejoin(node) {
      const others = nodes.filter((other) => other !== node).map((other) => `'${other.node}'`);
      await node.ctl(
        'eval',
        `lists:foreach(fun(N) -> erlang:set_cookie(N, erlang:get_cookie()) end, [${others.join(', ')}]).`,
      );
    },
  };
}
