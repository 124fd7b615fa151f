import { describe, expect, it } from 'vitest';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { completeSubscribeOptions } from '../../../src/delivery/bus/subscribe-settings.js';
import { eventually } from '../../support/eventually.js';

describe('onMissed', () => {
  it('that rejects is told of, and ends nothing', async () => {
    const notices: BusNotice[] = [];
    const error = new Error('the view was not read');
    const { onMissed } = completeSubscribeOptions(
      ['#'],
      { onMissed: () => Promise.reject(error) },
      (notice) => notices.push(notice),
    );
    onMissed();
    await eventually(() => expect(notices).toEqual([{ kind: 'onMissedFailed', error }]));
  });
});
