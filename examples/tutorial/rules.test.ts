// #region rules
import { given } from 'signalbox/testing';
import { it } from 'vitest';
import { volumeLifecycle } from './volume.js';

it('bills a volume once it exists, and not before', () => {
  given(volumeLifecycle, 'Allocated').when('CreateRequested').then('Creating').announcesNothing();
  given(volumeLifecycle, 'Creating')
    .when('OperationSucceeded')
    .then('Ready')
    .announces({ category: 'UsageEvent', type: 'VOLUME.CREATE' });
});

it('lets no volume stay in Creating', () => {
  given(volumeLifecycle, 'Creating').after({ minutes: 10 }).then('Error');
});
// #endregion
