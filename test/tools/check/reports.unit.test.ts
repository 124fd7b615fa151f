import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkLifecycle,
  checkMarkdown,
  checkText,
  findingKinds,
  type TraceStep,
} from '../../../src/tools/check/index.js';
import { traceDiagram } from '../../../src/tools/check/report-markdown.js';
import { lineFinder } from '../../../src/tools/check/line-finder.js';
import { checkSarif } from '../../../src/tools/check/report-sarif.js';
import { tiny } from './tiny.js';

const stuck = checkLifecycle(tiny('a b! c', ['a Go b', 'a X c']), {
  suppressions: [{ code: 'DEAD_END', state: 'c', reason: 'An archive.' }],
});
const leaking = checkLifecycle(tiny('a b!', ['a Go b +VM.START']), {
  meters: [{ name: 'm', starts: ['VM.START'], stops: ['VM.STOP'] }],
});

it('a text tells code, place, path, why and remedy, and counts', () => {
  expect(checkText([leaking, stuck]).split('\n')).toEqual([
    'Tiny: 1 error, 0 warnings',
    '  error METER_LEFT_OPEN at Tiny: a --Go--> b, meter m',
    '    The meter m still runs in b: VM.STOP is missing.',
    '    Path: created in a --Go [VM.START]--> b',
    `    Why: ${findingKinds.METER_LEFT_OPEN.why}`,
    `    Remedy: ${findingKinds.METER_LEFT_OPEN.remedy}`,
    'Tiny: nothing found, 1 accepted',
    '  accepted: 1 × DEAD_END: An archive.',
    '',
    '2 checked: 1 error, 0 warnings.',
  ]);
});

it('a page draws the counter-example', () => {
  const page = checkMarkdown([leaking]);
  expect(page).toContain('### error: `METER_LEFT_OPEN`');
  expect(page).toContain('  [*] --> s0 : 1. creation\n  s0 --> s1 : 2. Go [VM.START]');
});

it('no name breaks out of a diagram', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      const step: TraceStep = { from: name, event: name, to: 'end' };
      const lines = traceDiagram([step]);
      expect(lines).toHaveLength(5);
      for (const line of lines) expect(line.replace(' --> ', '')).not.toMatch(/[\n\r<>]/);
      const escaped = /^ {2}state "(.*)" as s0$/s.exec(lines[2] ?? '')?.[1] ?? '"';
      expect(escaped).not.toMatch(/["`{}:]/);
    }),
  );
});

describe('a SARIF log', () => {
  const file = 'machines/tiny.ts';
  const log = checkSarif([{ ...leaking, file, lineOf: () => 7 }, stuck], '1.2.3') as unknown as {
    version: string;
    runs: {
      tool: { driver: { version: string; rules: { id: string }[] } };
      results: Record<string, unknown>[];
    }[];
  };
  const [run] = log.runs;

  it('has a rule for each code, and each result points to its own', () => {
    expect(log.version).toBe('2.1.0');
    expect(run?.tool.driver.rules.map(({ id }) => id)).toEqual(Object.keys(findingKinds));
    for (const { ruleId, ruleIndex } of run?.results ?? []) {
      expect(run?.tool.driver.rules[ruleIndex as number]?.id).toBe(ruleId);
    }
  });

  it('places a result in its file and its counter-example as a code flow', () => {
    expect(run?.results[0]).toMatchObject({
      ruleId: 'METER_LEFT_OPEN',
      level: 'error',
      locations: [
        {
          physicalLocation: { artifactLocation: { uri: file }, region: { startLine: 7 } },
          logicalLocations: [{ name: 'a', fullyQualifiedName: 'Tiny: a --Go--> b, meter m' }],
        },
      ],
      codeFlows: [{ threadFlows: [{ locations: [{}, {}] }] }],
    });
  });

  it('shows an accepted finding as suppressed, with the reason', () => {
    expect(run?.results[1]).toMatchObject({
      ruleId: 'DEAD_END',
      suppressions: [{ kind: 'external', status: 'accepted', justification: 'An archive.' }],
    });
  });
});

it('a place is found on the line that declares it', () => {
  const source = [
    'const x = {',
    '  Ready: {',
    '    on: { Go: "Done" },',
    '  },',
    '  Done: {},',
    '};',
  ];
  const lineOf = lineFinder(source.join('\n'));
  expect(lineOf({ resource: 'X', state: 'Done' })).toBe(5);
  expect(lineOf({ resource: 'X', state: 'Ready', event: 'Go', to: 'Done' })).toBe(3);
  expect(lineOf({ resource: 'X', state: 'Nowhere(' })).toBe(1);
  const several = lineFinder('"A": {\n  "name": "Ready"\n"B": {\n  "name": "Ready"');
  expect(several({ resource: 'B', state: 'Ready' })).toBe(4);
  expect(several({ resource: 'B' })).toBe(3);
});

it('the page on checking tells every code, and no other', () => {
  const page = readFileSync(new URL('../../../docs/checking.md', import.meta.url), 'utf8');
  const told = [...page.matchAll(/^\| `([A-Z_]+)` +\| (error|warning) /gm)].map(
    ([, code, severity]) => [code, severity],
  );
  expect(told).toEqual(
    Object.entries(findingKinds).map(([code, { severity }]) => [code, severity]),
  );
});
