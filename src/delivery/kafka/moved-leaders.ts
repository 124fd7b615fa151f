import { setTimeout as delay } from 'node:timers/promises';
import type { Broker, Cluster } from 'kafkajs';
import { isMovedLeader, isOutOfRange } from './kafka-error.js';

/** Milliseconds before it is asked who leads now: the cluster needs a moment to agree. */
const electionDelay = 100;

/**
 * Makes the fetches of a KafkaJS consumer follow a leader that has moved by asking who leads now.
 *
 * KafkaJS itself joins the group again, which a moved leader does not call for, from each of its fetchers
 * (there is one for each broker), under the same member id. When leaders move on several brokers at once
 * the joins overlap: each undoes the one before, the other members are made to join too, and for as long
 * as that lasts nothing is read. Taken as an empty answer instead, the next fetch goes to the leader.
 *
 * KafkaJS would also set a group back to the beginning by itself where a log has been cut off. That passes
 * by whoever counts the offsets, so the consumer ends instead, and its owner begins anew from what is there.
 */
export function followMovedLeaders(cluster: Cluster): void {
  const following = new WeakSet<Broker>();
  const findBroker = cluster.findBroker.bind(cluster);
  cluster.findBroker = async (node) => {
    const broker = await findBroker(node);
    if (!following.has(broker)) {
      following.add(broker);
      broker.fetch = followingFetch(broker.fetch.bind(broker), cluster);
    }
    return broker;
  };
  const fetchTopicsOffset = cluster.fetchTopicsOffset.bind(cluster);
  cluster.fetchTopicsOffset = async (topics) => {
    try {
      return await fetchTopicsOffset(topics);
    } catch (error) {
      if (!isMovedLeader(error)) throw error;
      await askWhoLeads(cluster);
      return fetchTopicsOffset(topics);
    }
  };
}

function followingFetch(fetch: Broker['fetch'], cluster: Cluster): Broker['fetch'] {
  return async (request) => {
    try {
      return await fetch(request);
    } catch (error) {
      if (isOutOfRange(error)) throw notRetriable(error);
      if (!isMovedLeader(error)) throw error;
      await askWhoLeads(cluster);
      return { responses: [] };
    }
  };
}

async function askWhoLeads(cluster: Cluster): Promise<void> {
  await delay(electionDelay);
  await cluster.refreshMetadata();
}

/** A plain error, because KafkaJS mends by itself what it knows by name. */
function notRetriable(cause: unknown): Error {
  const message = 'A log does not have the offset that was to be read next';
  return Object.assign(new Error(message, { cause }), { retriable: false });
}
