import { expect, it } from 'vitest';
import { createSignalbox, migrate, migrations } from 'signalbox';
import { DataSource } from 'typeorm';
import { eventTypes, LoadBalancer } from './load-balancer.js';
// #region handle
import { ConflictError, OutcomeUnknownError, RefusedError, UnavailableError } from 'signalbox';

/** What an HTTP handler may answer. */
function answerTo(error: unknown): { status: number; body: unknown } {
  if (error instanceof RefusedError) {
    return { status: 422, body: error.refusals }; // code, message, parameters: data for a user
  }
  if (error instanceof ConflictError) return { status: 409, body: error.code }; // read again
  if (error instanceof UnavailableError) return { status: 503, body: error.code }; // retry later
  if (error instanceof OutcomeUnknownError) return { status: 504, body: error.code }; // read first
  throw error; // ClosedError: create a new one; DefinitionError, ConfigurationError: fix the code
}
// #endregion

it('tells a caller what to do instead', async () => {
  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [LoadBalancer],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes,
    resources: [LoadBalancer],
  });
  const { uuid } = await signalbox.create(LoadBalancer, { members: 0 });
  const answers: unknown[] = [];
  const attempt = (work: Promise<unknown>) =>
    work.catch((error: unknown) => void answers.push(answerTo(error)));

  // #region explain
  const { lawful, refusals, lawfulEvents } = await signalbox.explain(
    LoadBalancer,
    uuid,
    'DeployRequested',
  );
  // false, GUARD_REFUSED by hasMembers, ['RemoveRequested']
  // #endregion
  expect([lawful, refusals.map(({ code }) => code), lawfulEvents]).toEqual([
    false,
    ['GUARD_REFUSED'],
    ['RemoveRequested'],
  ]);

  await attempt(signalbox.transition(LoadBalancer, uuid, 'DeployRequested'));
  await attempt(signalbox.transition(LoadBalancer, uuid, 'OperationSucceeded'));
  await attempt(
    signalbox.transition(LoadBalancer, uuid, 'RemoveRequested', { expectedRevision: 7 }),
  );
  expect(answers).toMatchObject([
    { status: 422, body: [{ code: 'GUARD_REFUSED' }] },
    { status: 422, body: [{ code: 'EVENT_NOT_LAWFUL' }] },
    { status: 409, body: 'REVISION_CONFLICT' },
  ]);
  expect(await signalbox.history(LoadBalancer, uuid)).toHaveLength(1);
  await signalbox.close();
  await dataSource.destroy();
});
