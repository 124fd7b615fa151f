import { resolve } from 'node:path';
import { afterAll } from 'vitest';
import { recordCoverage } from '../../src/testing/coverage/record-coverage.js';

/** Where every test file leaves what it exercised; the step `coverage` of `verify` adds it up. */
const coverage = recordCoverage({
  directory: resolve(import.meta.dirname, '../../reports/lifecycle-coverage'),
});
afterAll(() => coverage.flush());
