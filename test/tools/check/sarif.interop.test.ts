import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtInChecks } from '../../../machines/checks.js';
import { checkLifecycle } from '../../../src/tools/check/index.js';
import type { LocatedReport } from '../../../src/tools/check/report-sarif.js';
import { checkSarif } from '../../../src/tools/check/report-sarif.js';
import { hostileLifecycle, hostileNames } from '../diagram/hostile-lifecycle.js';
import { faultsOfSarif } from '../../interop/sarif.mjs';
import { reportRefused } from '../../../src/cli/refused-lifecycle.js';
import { runSignalbox } from '../../support/command-line.js';
import { tiny } from './tiny.js';

const leaking = checkLifecycle(tiny('a b!', ['a Go b +VM.START']), {
  meters: [{ name: 'm', starts: ['VM.START'], stops: ['VM.STOP'] }],
});
const livelock = checkLifecycle(tiny('a b c', ['a Go b', 'b Go c', 'c Go b']), {
  suppressions: [{ code: 'NO_FINAL_STATE', reason: 'An archive.' }],
});

describe('a SARIF log', () => {
  it('is valid by the schema with findings, counter-examples and accepted findings', () => {
    const reports: readonly LocatedReport[] = [
      { ...leaking, file: 'machines/tiny lifecycle.ts', lineOf: () => 7 },
      livelock,
      reportRefused({
        kind: 'RefusedLifecycle',
        resource: 'Bad',
        faults: [{ code: 'FAULT_NAME', message: 'It is bad.', parameters: { state: 'a' } }],
      }),
      ...builtInChecks.map((check) => checkLifecycle(check.lifecycle, check)),
    ];
    expect(reports.flatMap(({ findings }) => findings)).not.toEqual([]);
    expect(reports.flatMap(({ suppressed }) => suppressed)).not.toEqual([]);
    expect(faultsOfSarif(checkSarif(reports, '1.2.3'))).toEqual([]);
  });

  it('is valid by the schema whatever the names hold', () => {
    fc.assert(
      fc.property(hostileNames, fc.string({ unit: 'binary' }), (names, file) => {
        const report = { ...checkLifecycle(hostileLifecycle(names)), file };
        expect(faultsOfSarif(checkSarif([report], '1.2.3'))).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('is found at fault by the schema when it is', () => {
    const log = checkSarif([leaking], '1.2.3');
    expect(faultsOfSarif({ ...log, version: '2.0.0' })).not.toEqual([]);
  });

  it('is printed by the command', async () => {
    const { code, stdout } = await runSignalbox([
      'check',
      'VirtualMachine',
      'examples/load-balancer.ts',
      '--format',
      'sarif',
    ]);
    expect(code).toBe(0);
    expect(faultsOfSarif(JSON.parse(stdout))).toEqual([]);
  });
});
