// #region rule
import { virtualMachine, volume } from 'signalbox/machines';
import { given } from 'signalbox/testing';
import { it } from 'vitest';

it('meters a volume when its copy is ready, and not before', () => {
  given(volume, 'Uploaded').when('CopyRequested').then('Copying').announcesNothing();
  given(volume, 'Copying')
    .when('OperationSucceeded')
    .then('Ready')
    .announces({ category: 'UsageEvent', type: 'VOLUME.CREATE' });
});

it('refuses to attach a volume that is being resized', () => {
  given(volume, 'Resizing').when('AttachRequested').refuses('EVENT_NOT_LAWFUL');
});

it('lets no machine rest in Expunging for ever', () => {
  given(virtualMachine, 'Expunging').after({ hours: 1 }).then('Error');
});
// #endregion
