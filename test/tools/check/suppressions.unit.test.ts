import { expect, it } from 'vitest';
import { checkLifecycle, type Suppression } from '../../../src/tools/check/index.js';
import { tiny } from './tiny.js';

const endless = tiny('a b', ['a Go b', 'b Back a']);

it('an accepted finding is set apart with its reason', () => {
  const { findings, suppressed } = checkLifecycle(endless, {
    suppressions: [{ code: 'NO_FINAL_STATE', reason: 'It is kept for ever.' }],
  });
  expect(findings).toEqual([]);
  expect(suppressed).toMatchObject([
    { finding: { code: 'NO_FINAL_STATE' }, reason: 'It is kept for ever.' },
  ]);
});

it('a suppression hides only what has all that it says of the place', () => {
  const stuck = tiny('a b! c d', ['a Go b', 'a X c', 'a Y d']);
  const { findings } = checkLifecycle(stuck, {
    suppressions: [{ code: 'DEAD_END', state: 'c', reason: 'An archive.' }],
  });
  expect(findings.map(({ place }) => place.state)).toEqual(['d']);
});

it('a suppression that hides nothing is a finding', () => {
  const { findings } = checkLifecycle(tiny('a b!', ['a Go b']), {
    suppressions: [{ code: 'DEAD_END', state: 'b', reason: 'It was an end once.' }],
  });
  expect(findings).toMatchObject([
    { code: 'SUPPRESSION_UNUSED', place: { resource: 'Tiny', state: 'b' } },
  ]);
});

it.each([
  [{ code: 'NO_FINAL_STATE', reason: '  ' }, /has no reason/],
  [{ code: 'NO_SUCH_CODE', reason: 'Because.' }, /'NO_SUCH_CODE'/],
])('a suppression without a reason or with an unknown code is refused', (suppression, message) => {
  expect(() => checkLifecycle(endless, { suppressions: [suppression as Suppression] })).toThrow(
    message,
  );
});
