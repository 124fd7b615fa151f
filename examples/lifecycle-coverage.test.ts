import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { network } from 'signalbox/machines';
import { follow, paths } from 'signalbox/testing';
// #region report
import { coverageReport, coverageShortfalls, coverageText, readCoverage } from 'signalbox/testing';
// #endregion
// #region record
import { afterAll } from 'vitest';
import { recordCoverage } from 'signalbox/testing';
// #endregion

const directory = mkdtempSync(join(tmpdir(), 'coverage-'));
// #region record

// In a set-up file: of Vitest under `setupFiles`, of Jest under `setupFilesAfterEnv`.
const coverage = recordCoverage({ directory });
afterAll(() => coverage.flush());
// #endregion

it('the tests of networks take every transition', () => {
  for (const path of paths.allTransitions(network)) follow(network, path);
  coverage.flush();
  // #region report

  const report = coverageReport([network], readCoverage(directory));
  console.log(coverageText(report));
  expect(coverageShortfalls(report, { transitions: 100 })).toEqual([]);
  // #endregion
});
