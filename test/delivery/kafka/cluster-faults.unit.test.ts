import type { Broker, Cluster } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { leaveLostCoordinator } from '../../../src/delivery/kafka/lost-coordinator.js';
import { followMovedLeaders } from '../../../src/delivery/kafka/moved-leaders.js';

const fault = (type: string): Error => Object.assign(new Error(type), { type });

/** What KafkaJS shows of its cluster, as one broker that does what a test says. */
class ScriptedCluster {
  refreshes = 0;
  connected = true;
  coordinator = 1;
  answer: () => Promise<unknown> = async () => ({ responses: ['records'] });

  readonly broker = {
    nodeId: 1,
    isConnected: () => this.connected,
    fetch: () => this.answer(),
    heartbeat: () => this.answer(),
  };

  readonly cluster = {
    findBroker: async () => this.broker,
    findGroupCoordinator: async () => this.broker,
    findGroupCoordinatorMetadata: async () =>
      this.coordinator === 0 ? null : { coordinator: { nodeId: this.coordinator } },
    fetchTopicsOffset: () => this.answer(),
    refreshMetadata: async () => void (this.refreshes += 1),
  } as unknown as Cluster;
}

const asked = { topics: [] };

describe('a fetch from a broker that does not lead', () => {
  async function following() {
    const world = new ScriptedCluster();
    followMovedLeaders(world.cluster);
    await world.cluster.findBroker({ nodeId: '1' });
    const broker: Broker = await world.cluster.findBroker({ nodeId: '1' });
    return { world, broker };
  }

  it.each([
    'NOT_LEADER_FOR_PARTITION',
    'LEADER_NOT_AVAILABLE',
    'FENCED_LEADER_EPOCH',
    'UNKNOWN_LEADER_EPOCH',
    'UNKNOWN_TOPIC_OR_PARTITION',
  ])('is an empty answer, and it is asked once who leads: %s', async (type) => {
    const { world, broker } = await following();
    world.answer = () => Promise.reject(fault(type));
    expect(await broker.fetch(asked)).toEqual({ responses: [] });
    expect(world.refreshes).toBe(1);
    world.answer = async () => ({ responses: ['records'] });
    expect(await broker.fetch(asked)).toEqual({ responses: ['records'] });
  });

  it('is left to the client when it fails otherwise', async () => {
    const { world, broker } = await following();
    const error = fault('REQUEST_TIMED_OUT');
    world.answer = () => Promise.reject(error);
    await expect(broker.fetch(asked)).rejects.toBe(error);
    expect(world.refreshes).toBe(0);
  });

  it('ends the consumer where a log does not have the offset', async () => {
    const { world, broker } = await following();
    world.answer = () => Promise.reject(fault('OFFSET_OUT_OF_RANGE'));
    await expect(broker.fetch(asked)).rejects.toMatchObject({ name: 'Error', retriable: false });
  });

  it('makes the question for offsets come again when it is known who leads', async () => {
    const { world } = await following();
    let tries = 0;
    world.answer = async () => {
      tries += 1;
      if (tries === 1) throw fault('NOT_LEADER_FOR_PARTITION');
      return ['offsets'];
    };
    expect(await world.cluster.fetchTopicsOffset([])).toEqual(['offsets']);
    expect(world.refreshes).toBe(1);
  });
});

describe('a sign of life to a coordinator', () => {
  async function failing(change: Partial<ScriptedCluster>): Promise<unknown> {
    const world = Object.assign(new ScriptedCluster(), change);
    world.answer = () => Promise.reject(new Error('no connection'));
    leaveLostCoordinator(world.cluster);
    const broker = (await world.cluster.findGroupCoordinator({
      groupId: 'g',
    })) as unknown as ScriptedCluster['broker'];
    return broker.heartbeat().catch((error: unknown) => error);
  }

  it('that cannot be reached and has been replaced makes the client look for the other', async () => {
    expect(await failing({ connected: false, coordinator: 2 })).toMatchObject({
      type: 'NOT_COORDINATOR_FOR_GROUP',
    });
  });

  it.each([
    ['answers', { connected: true, coordinator: 2 }],
    ['has not been replaced', { connected: false, coordinator: 1 }],
    ['nobody tells the successor of', { connected: false, coordinator: 0 }],
  ])('that %s fails as it does', async (_, change) => {
    expect(await failing(change)).toMatchObject({ message: 'no connection' });
  });
});
