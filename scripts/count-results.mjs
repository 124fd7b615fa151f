// Prints the last line of a CI run, `N passed, N failed`: every test and every step counts as one.
//
//   node scripts/count-results.mjs <exit code of npm ci> <exit code of npm test>
//
// A run that left no report, or failed without naming a test, counts as one failure at least.
import { readFileSync } from 'node:fs';

const [install, test] = process.argv.slice(2).map(Number);

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

let passed = install === 0 ? 1 : 0;
let failed = install === 0 ? 0 : 1;

const tests = read('reports/tests.json');
const failedFiles = (tests?.testResults ?? []).filter(
  ({ status, assertionResults }) =>
    status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
).length;
const failedTests = (tests?.numFailedTests ?? 0) + failedFiles;
passed += tests?.numPassedTests ?? 0;
failed += test !== 0 && failedTests === 0 ? 1 : failedTests;
// A test that did not run is no proof; it may be left out only in the open.
const skipped = (tests?.numPendingTests ?? 0) + (tests?.numTodoTests ?? 0);
if (skipped > 0) console.log(`${skipped} tests were skipped`);

const steps = read('reports/verify.json') ?? { passed: 0, failed: 1 };
passed += steps.passed;
failed += steps.failed;

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
