// #region jest
import { test } from '@jest/globals';
import { volume } from 'signalbox/machines';
import { follow, given, paths } from 'signalbox/testing';

test('a volume that is being resized cannot be attached', () => {
  given(volume, 'Resizing').when('AttachRequested').refuses('EVENT_NOT_LAWFUL');
});

test.each(paths.allTransitions(volume))('$name', (path) => {
  follow(volume, path);
});
// #endregion
