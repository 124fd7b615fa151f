import { resolve } from 'node:path';
import { clearCoverage } from '../../src/testing/coverage/record-coverage.js';

/** Forgets what an earlier run exercised. */
export default function setup(): void {
  clearCoverage(resolve(import.meta.dirname, '../../reports/lifecycle-coverage'));
}
