import { expect, it } from 'vitest';
// #region simulate
import { volume } from 'signalbox/machines';
import { simulate } from 'signalbox/testing';

it('a volume whose creation never ends raises an alert after an hour', async () => {
  const cloud = simulate(volume);
  const { uuid } = await cloud.create(volume);
  await cloud.transition(volume, uuid, 'CreateRequested', { actor: 'alice' });
  await cloud.advance({ hours: 1 }); // virtual: takes no time
  expect(cloud.events.where({ category: 'AlertEvent', uuid })).toHaveLength(1);
});
// #endregion
