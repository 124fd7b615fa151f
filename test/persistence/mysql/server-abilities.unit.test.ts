import { expect, test } from 'vitest';
import { serverAbilities } from '../../../src/persistence/mysql/server-abilities.js';

test.each([
  ['10.11.19-MariaDB-0+deb12u1', { compound: true, skipLocked: true }],
  ['11.4.2-MariaDB', { compound: true, skipLocked: true }],
  ['10.5.29-MariaDB', { compound: true, skipLocked: false }],
  ['5.5.68-MariaDB', { compound: false, skipLocked: false }],
  ['5.7.44-log', { compound: false, skipLocked: false }],
  ['8.0.36-0ubuntu0.22.04.1', { compound: false, skipLocked: true }],
  ['9.1.0', { compound: false, skipLocked: true }],
])('%s can do %o', (version, abilities) => {
  expect(serverAbilities(version)).toEqual(abilities);
});
