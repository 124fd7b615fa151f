/**
 * True for the long form: `npm run test:faults`, and of unit tests that try many random machines. The
 * short form is a part of `npm test`.
 */
export const long = process.env['SIGNALBOX_FAULTS'] === 'long';

/** What random choices of a run begin with; printed with each run, and given again to replay it. */
export const seed = Number(process.env['SIGNALBOX_TEST_SEED'] ?? Date.now() % 2 ** 31);
