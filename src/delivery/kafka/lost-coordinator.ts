import type { Broker, Cluster } from 'kafkajs';

/** Members of KafkaJS's brokers beyond their declared type. */
type Coordinator = Broker & {
  readonly nodeId: number | string;
  heartbeat(request: unknown): Promise<unknown>;
};

/**
 * Makes a KafkaJS consumer look for the coordinator of its group when that cannot be reached.
 *
 * KafkaJS finds a coordinator when it joins, and joins again when the coordinator says that it no longer
 * is. One that is down says nothing: every sign of life fails then, each time all reading is stopped and
 * begun anew, until its retries are used up, long after the group has gone on without the member.
 */
export function leaveLostCoordinator(cluster: Cluster): void {
  const watched = new WeakSet<Broker>();
  const findGroupCoordinator = cluster.findGroupCoordinator.bind(cluster);
  cluster.findGroupCoordinator = async (group) => {
    const coordinator = (await findGroupCoordinator(group)) as Coordinator;
    if (!watched.has(coordinator)) {
      watched.add(coordinator);
      const heartbeat = coordinator.heartbeat.bind(coordinator);
      coordinator.heartbeat = async (request) => {
        try {
          return await heartbeat(request);
        } catch (error) {
          if (!coordinator.isConnected() && (await hasMoved(cluster, group, coordinator))) {
            throw movedCoordinator(error);
          }
          throw error;
        }
      };
    }
    return coordinator;
  };
}

async function hasMoved(
  cluster: Cluster,
  group: { groupId: string },
  { nodeId }: Coordinator,
): Promise<boolean> {
  // Null when no broker could be asked, whatever the type says; some of those it asks may be gone too.
  const found = await cluster.findGroupCoordinatorMetadata(group).catch(() => null);
  return found !== null && String(found.coordinator.nodeId) !== String(nodeId);
}

/** An error that looks like a moved coordinator, which makes KafkaJS join again. */
function movedCoordinator(cause: unknown): Error {
  const error = new Error('Another broker coordinates the group now', { cause });
  return Object.assign(error, { type: 'NOT_COORDINATOR_FOR_GROUP' });
}
