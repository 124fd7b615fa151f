// #region node
import { test } from 'node:test';
import { volume } from 'signalbox/machines';
import { follow, given, paths } from 'signalbox/testing';

test('a volume that is being resized cannot be attached', () => {
  given(volume, 'Resizing').when('AttachRequested').refuses('EVENT_NOT_LAWFUL');
});

for (const path of paths.allTransitions(volume)) {
  test(path.name, () => {
    follow(volume, path);
  });
}
// #endregion
