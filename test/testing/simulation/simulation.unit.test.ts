import { describe, expect, it } from 'vitest';
import { LoadBalancer, loadBalancer } from '../../../examples/load-balancer.js';
import { network, snapshot, virtualMachine, volume } from '../../../machines/index.js';
import { validateEvent } from '../../../src/core/events/validate-event.js';
import { ConflictError, RefusedError } from '../../../src/core/errors/errors.js';
import { ExpectationError } from '../../../src/testing/expectation-error.js';
import { RecordedEvents } from '../../../src/testing/recorded-events.js';
import { simulate } from '../../../src/testing/simulation/simulation.js';

const absent = '11111111-1111-4111-8111-111111111111';

describe('simulate', () => {
  it('announces what happens, in order, as events that satisfy their schema', async () => {
    const cloud = simulate(virtualMachine);
    const { uuid } = await cloud.create(virtualMachine, { account: 'acme' }, { actor: 'alice' });
    await cloud.transition(virtualMachine, uuid, 'StartRequested');
    await cloud.transition(virtualMachine, uuid, 'OperationSucceeded', { reason: 'booted' });
    const told = cloud.events.all;
    expect(told.map(validateEvent)).toEqual(told);
    expect(told.map(({ type, revision }) => [type, revision])).toEqual([
      ['Created', 1],
      ['StartRequested', 2],
      ['OperationSucceeded', 3],
      ['VM.START', 3],
    ]);
    expect(told.every(({ account }) => account === 'acme')).toBe(true);
    expect(cloud.events.where({ category: 'UsageEvent', uuid })).toMatchObject([
      { type: 'VM.START', causationid: told[2]?.id },
    ]);
  });

  it('is the same in every run', async () => {
    const run = async () => {
      const cloud = simulate(volume, network);
      await cloud.create(network);
      const { uuid } = await cloud.create(volume);
      await cloud.transition(volume, uuid, 'CreateRequested');
      await cloud.advance({ hours: 2 });
      return cloud.events.all;
    };
    expect(await run()).toEqual(await run());
  });

  it('a refusal or a lost race announces nothing and moves nothing', async () => {
    const cloud = simulate(volume);
    const { uuid, revision } = await cloud.create(volume);
    await cloud.transition(volume, uuid, 'CreateRequested');
    const before = cloud.events.all;
    await expect(cloud.transition(volume, uuid, 'AttachRequested')).rejects.toThrow(RefusedError);
    await expect(
      cloud.transition(volume, uuid, 'OperationSucceeded', { expectedRevision: revision }),
    ).rejects.toThrow(ConflictError);
    await expect(cloud.transition(volume, absent, 'CreateRequested')).rejects.toMatchObject({
      code: 'UNKNOWN_RESOURCE',
    });
    await expect(cloud.transition(volume, 'no uuid', 'CreateRequested')).rejects.toMatchObject({
      code: 'MALFORMED_UUID',
    });
    await expect(cloud.create(network as never)).rejects.toMatchObject({
      code: 'RESOURCE_NOT_REGISTERED',
    });
    expect(cloud.events.all).toEqual(before);
    expect(await cloud.find(volume, uuid)).toMatchObject({ state: 'Creating', revision: 2 });
  });

  it('an event that would be over the limit is refused, and nothing happens', async () => {
    const cloud = simulate(volume);
    const { uuid } = await cloud.create(volume);
    const reason = 'x'.repeat(300_000);
    await expect(
      cloud.transition(volume, uuid, 'CreateRequested', { reason }),
    ).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
    expect(await cloud.find(volume, uuid)).toMatchObject({ state: 'Allocated', revision: 1 });
    expect(cloud.events.all).toHaveLength(1);
  });

  it('guards read the values of a lifecycle by itself, and what a class projects', async () => {
    const cloud = simulate(loadBalancer, LoadBalancer);
    const plain = await cloud.create(loadBalancer, { members: 0 });
    const entity = await cloud.create(LoadBalancer, { members: 0 });
    expect(entity).toBeInstanceOf(LoadBalancer);
    expect(() => cloud.send(plain, 'DeployRequested')).toThrow(/hasMembers/);
    expect(() => cloud.send(entity, 'DeployRequested')).toThrow(/hasMembers/);
    plain['members'] = 1;
    entity.members = 1;
    cloud.send(plain, 'DeployRequested');
    cloud.send(entity, 'DeployRequested');
    await cloud.save(plain);
    await cloud.save(entity);
    expect([plain.state, entity.state]).toEqual(['Deploying', 'Deploying']);
  });

  it('a sent step that lost its race is taken back', async () => {
    const cloud = simulate(volume);
    const { uuid } = await cloud.create(volume);
    const entity = await cloud.find(volume, uuid);
    if (entity === undefined) throw new Error('it was created');
    await cloud.transition(volume, uuid, 'UploadRequested');
    cloud.send(entity, 'CreateRequested');
    expect(entity).toMatchObject({ state: 'Creating', revision: Number.NaN });
    await expect(cloud.save(entity)).rejects.toMatchObject({ code: 'REVISION_CONFLICT' });
    expect(entity).toMatchObject({ state: 'Allocated', revision: 1 });
  });

  it('deadlines fire at their own time, in order, and not after they were cancelled', async () => {
    const cloud = simulate(snapshot, network);
    const forgotten = await cloud.create(snapshot);
    const building = await cloud.create(network);
    await cloud.transition(network, building.uuid, 'ImplementNetwork');
    const built = await cloud.create(network);
    await cloud.transition(network, built.uuid, 'ImplementNetwork');
    await cloud.transition(network, built.uuid, 'OperationSucceeded');
    await cloud.advance({ days: 2 });
    expect(cloud.now.toISOString()).toBe('2026-01-03T00:00:00.000Z');
    const late = cloud.events.where({ type: 'DeadlineExceeded' });
    expect(late.map(({ partitionkey, time }) => [partitionkey, time])).toEqual([
      [building.uuid, '2026-01-01T00:30:00.000Z'],
      [forgotten.uuid, '2026-01-02T00:00:00.000Z'],
    ]);
    expect(await cloud.find(network, built.uuid)).toMatchObject({ state: 'Implemented' });
  });

  it('a removed resource is gone, with its deadlines', async () => {
    const cloud = simulate(snapshot);
    const entity = await cloud.create(snapshot);
    await cloud.remove(entity, { reason: 'enough' });
    await cloud.advance({ days: 2 });
    expect(cloud.events.all.at(-1)).toMatchObject({ type: 'Removed', data: { new: null } });
    expect(await cloud.find(snapshot, entity.uuid)).toBeUndefined();
  });

  it('an unknown event or state fails to compile', async () => {
    const cloud = simulate(volume);
    const entity = await cloud.create(volume);
    // @ts-expect-error no such event
    await expect(cloud.transition(volume, entity.uuid, 'Detach')).rejects.toThrow(RefusedError);
    // @ts-expect-error no such event
    expect(() => cloud.send(entity, 'Detach')).toThrow(RefusedError);
    // @ts-expect-error no such state
    await expect(cloud.create(volume, { state: 'Nowhere' })).rejects.toThrow(RefusedError);
    const { new: next } = await cloud.transition(volume, entity.uuid, 'CreateRequested');
    const state: (typeof volume)['initial'] = next;
    expect(state).toBe('Creating');
  });
});

describe('recorded events', () => {
  it('waiting ends when the event comes, or at once when it has come', async () => {
    const cloud = simulate(volume);
    const { uuid } = await cloud.create(volume);
    const waiting = cloud.events.waitFor({ resource: volume, type: 'CreateRequested', uuid });
    const both = cloud.events.waitFor({ uuid }, { count: 2 });
    await cloud.transition(volume, uuid, 'CreateRequested');
    expect(await waiting).toMatchObject({ data: { new: 'Creating' } });
    expect(await both).toEqual(await waiting);
    expect(await cloud.events.waitFor({ type: 'Created' })).toMatchObject({ revision: 1 });
  });

  it('an event that does not come is an expectation that is not met, and says what came', async () => {
    const cloud = simulate(volume);
    const { uuid } = await cloud.create(volume);
    const error: unknown = await cloud.events
      .waitFor({ resource: volume, type: 'AttachRequested' }, { timeout: 5 })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ExpectationError);
    expect(error).toMatchObject({
      message: expect.stringContaining('matched *.*.AttachRequested.Volume.* within 5 ms.'),
      expected: ['*.*.AttachRequested.Volume.*'],
    });
    expect(error).toMatchObject({ message: expect.stringContaining(`Created.Volume.${uuid}`) });
    await expect(new RecordedEvents().waitFor('#', { timeout: 1 })).rejects.toThrow(/Nothing came/);
  });

  it('a filter that can match nothing is refused, not waited for', async () => {
    const { events } = simulate(volume);
    expect(() => events.where({ category: 'StateEvent' as never })).toThrow(/no category/);
    await expect(events.waitFor('too.short')).rejects.toMatchObject({ code: 'FILTER_INVALID' });
  });

  it('what is cleared is forgotten', async () => {
    const cloud = simulate(volume);
    await cloud.create(volume);
    cloud.events.clear();
    expect([...cloud.events]).toEqual([]);
  });
});
