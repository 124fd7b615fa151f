import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadBalancer } from '../../../examples/load-balancer.js';
import { machines, network, volume } from '../../../machines/index.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { svg } from '../../../src/tools/diagram/index.js';
import {
  clearCoverage,
  coverageReport,
  coverageShortfalls,
  coverageText,
  follow,
  given,
  paths,
  readCoverage,
  recordCoverage,
  simulate,
  type CoverageHits,
  type CoverageRecording,
} from '../../../src/testing/index.js';
import { coverageLcov } from '../../../src/testing/coverage/coverage-lcov.js';
import { coverageHighlights } from '../../../src/testing/coverage/coverage-report.js';

let directory: string;
let coverage: CoverageRecording;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'signalbox-coverage-'));
  coverage = recordCoverage({ directory });
});
afterEach(() => {
  coverage.stop();
  rmSync(directory, { recursive: true, force: true });
});

const reportOf = (lifecycle: AnyLifecycle, hits: CoverageHits = coverage.hits) => {
  const [report] = coverageReport([lifecycle], hits);
  if (report === undefined) throw new Error('one lifecycle, one report');
  return report;
};

describe('the built-in lifecycles', () => {
  it('the tests take every transition and are refused wherever an event is not lawful', () => {
    for (const lifecycle of machines) {
      for (const path of paths.allTransitions(lifecycle)) follow(lifecycle, path);
      coverage.flush();
      for (const { name } of lifecycle.states) {
        const lawful = lifecycle.table.rows.get(name);
        for (const event of lifecycle.events) {
          if (lawful?.has(event) === true) continue;
          given(lifecycle, name).when(event).refuses('EVENT_NOT_LAWFUL');
        }
      }
      coverage.flush();
    }
    // Eight fragments, as of eight test files.
    expect(readdirSync(directory)).toHaveLength(8);
    const report = coverageReport(machines, readCoverage(directory));
    const all = { states: 100, transitions: 100, guards: 100, refusals: 100 };
    expect(coverageShortfalls(report, all)).toEqual([]);
    expect(coverageText(report)).toMatch(/^Volume .*100 %.*100 %.*100 %/m);
  });
});

describe('what counts', () => {
  it('nothing is covered before anything is done', () => {
    const report = reportOf(volume);
    expect(report.transitions).toMatchObject({ covered: 0, percent: 0 });
    expect(report.transitions.missing).toHaveLength(report.transitions.total);
    expect(coverageShortfalls([report], { transitions: 1 })).toMatchObject([
      { resource: 'Volume', kind: 'transitions', percent: 0, threshold: 1 },
    ]);
  });

  it('a step covers its transition and both its states; a refusal covers itself', () => {
    given(network, 'Allocated').when('ImplementNetwork').then('Implementing');
    given(network, 'Implemented').when('ImplementNetwork').refuses('EVENT_NOT_LAWFUL');
    const { states, transitions, refusals } = reportOf(network);
    expect(states.hits).toMatchObject({ Allocated: 1, Implementing: 1, Implemented: 0 });
    expect(transitions.hits['Allocated, ImplementNetwork -> Implementing']).toBe(1);
    expect(transitions.covered).toBe(1);
    expect(refusals.hits['Implemented, ImplementNetwork']).toBe(1);
    expect(refusals.covered).toBe(1);
  });

  it('a guard is covered when it has said both yes and no', () => {
    given(loadBalancer, 'Allocated', { members: 1 }).when('DeployRequested').then('Deploying');
    const answer = 'Allocated, DeployRequested: hasMembers is';
    expect(reportOf(loadBalancer).guards.missing).toEqual([`${answer} false`]);
    given(loadBalancer, 'Allocated').when('DeployRequested').refuses('GUARD_REFUSED');
    expect(reportOf(loadBalancer).guards.missing).toEqual([]);
    expect(reportOf(loadBalancer).refusals.covered).toBe(0);
  });

  it('virtual time covers timeout transitions', () => {
    given(network, 'Implementing').after({ minutes: 30 }).then('Shutdown');
    const item = 'Implementing, DeadlineExceeded Implementing/1800000 -> Shutdown';
    expect(reportOf(network).transitions.hits[item]).toBe(1);
  });

  it('a simulation covers what it does, once each', async () => {
    const cloud = simulate(loadBalancer);
    const { uuid } = await cloud.create(loadBalancer, { members: 0 });
    await cloud.transition(loadBalancer, uuid, 'DeployRequested').catch(() => undefined);
    await cloud.transition(loadBalancer, uuid, 'MemberLost').catch(() => undefined);
    const entity = await cloud.find(loadBalancer, uuid);
    if (entity === undefined) throw new Error('it was created');
    await cloud.save(Object.assign(entity, { members: 3 }));
    await cloud.transition(loadBalancer, uuid, 'DeployRequested');
    await cloud.advance({ minutes: 10 });
    const { states, transitions, guards, refusals } = reportOf(loadBalancer);
    expect(states.hits).toMatchObject({ Allocated: 2, Deploying: 2, Error: 1 });
    expect(transitions.covered).toBe(2);
    expect(Object.values(guards.hits)).toEqual([1, 1]);
    expect(refusals.hits['Allocated, MemberLost']).toBe(1);
  });

  it('events of the real SDK cover what they tell of', async () => {
    const cloud = simulate(network);
    const { uuid } = await cloud.create(network);
    await cloud.transition(network, uuid, 'ImplementNetwork');
    coverage.stop();
    rmSync(directory, { recursive: true });
    coverage = recordCoverage({ directory });
    for (const event of cloud.events) coverage.observeEvent([network], event);
    expect(reportOf(network).states.hits).toMatchObject({ Allocated: 2, Implementing: 1 });
    expect(reportOf(network).transitions.covered).toBe(1);
    coverage.observeEvent([volume], cloud.events.all[0] as never);
    expect(coverage.hits['Volume/1']).toBeUndefined();
  });

  it('what another version of the lifecycle did does not count', () => {
    given(network, 'Allocated').when('ImplementNetwork').then('Implementing');
    const next = { ...network, version: 2 };
    expect(reportOf(next).transitions.covered).toBe(0);
  });

  it('after stop nothing counts', () => {
    coverage.stop();
    given(network, 'Allocated').when('ImplementNetwork').then('Implementing');
    expect(coverage.hits).toEqual({});
  });
});

describe('fragments', () => {
  it('add up, over files and processes', () => {
    for (let file = 0; file < 3; file += 1) {
      given(network, 'Allocated').when('ImplementNetwork').then('Implementing');
      coverage.flush();
    }
    coverage.flush();
    expect(readdirSync(directory)).toHaveLength(3);
    const item = 'Allocated, ImplementNetwork -> Implementing';
    expect(reportOf(network, readCoverage(directory)).transitions.hits[item]).toBe(3);
  });

  it('of an earlier run are cleared, and nothing else is', () => {
    given(network, 'Allocated').when('ImplementNetwork').then('Implementing');
    coverage.flush();
    writeFileSync(join(directory, 'mine.json'), '{}');
    clearCoverage(directory);
    expect(readdirSync(directory)).toEqual(['mine.json']);
    expect(readCoverage(join(directory, 'absent'))).toEqual({});
  });

  it.each(['{', 'null', '{"Network/1":{}}', '{"Network/1":{"states":{"a":"b"}}}'])(
    'one that holds %s is refused by its name',
    (text) => {
      writeFileSync(join(directory, 'x.lifecycle-coverage.json'), text);
      expect(() => readCoverage(directory)).toThrow(/x\.lifecycle-coverage\.json is no coverage/);
    },
  );
});

describe('reports', () => {
  it('text names what is missing, and rounds down', () => {
    given(network, 'Allocated').when('ImplementNetwork').then('Implementing');
    const text = coverageText([reportOf(network)], { missing: 2 });
    expect(text).toMatch(/^LIFECYCLE +STATES/);
    expect(text).toContain('2/6 33 %');
    expect(text).toMatch(
      /Network: states not exercised\n {2}Setup\n {2}Implemented\n {2}and 2 more/,
    );
    expect(coverageText([reportOf(network)], { missing: 0 })).not.toContain('not exercised');
  });

  it('lcov counts lines that its listings have', () => {
    given(loadBalancer, 'Allocated', { members: 1 }).when('DeployRequested').then('Deploying');
    const [info, listing] = coverageLcov([reportOf(loadBalancer)]);
    expect(listing?.name).toBe('LoadBalancer.lifecycle.txt');
    const lines = listing?.text.trimEnd().split('\n') ?? [];
    const counted = [...(info?.text.matchAll(/^DA:(\d+),(\d+)$/gm) ?? [])];
    expect(counted).toHaveLength(lines.length);
    const hit = counted
      .filter(([, , hits]) => hits !== '0')
      .map(([, line]) => lines[Number(line) - 1]);
    expect(hit).toEqual([
      'Allocated',
      'Deploying',
      'Allocated, DeployRequested -> Deploying if hasMembers',
    ]);
    expect(info?.text).toContain('SF:LoadBalancer.lifecycle.txt\n');
    const branches = [...(info?.text.matchAll(/^BRDA:(\d+),/gm) ?? [])];
    expect(branches.map(([, line]) => lines[Number(line) - 1])).toEqual([hit[2], hit[2]]);
  });

  it('what was exercised is what a diagram points out', async () => {
    given(network, 'Allocated').when('ImplementNetwork').then('Implementing');
    const { states, transitions, missedStates, missedTransitions } = coverageHighlights(network, [
      reportOf(network),
    ]);
    expect(states).toEqual(['Allocated', 'Implementing']);
    expect(transitions.map(({ event }) => event)).toEqual(['ImplementNetwork']);
    expect(states.length + missedStates.length).toBe(network.states.length);
    expect(transitions.length + missedTransitions.length).toBe(network.transitions.length);
    const coloured = await svg(network, { highlight: transitions });
    expect(coloured).not.toBe(await svg(network));
  });

  it('a threshold that is none is refused', () => {
    for (const thresholds of [{ transitions: 101 }, { transition: 90 }, { states: Number.NaN }]) {
      expect(() => coverageShortfalls([], thresholds as never)).toThrow(/not a percentage/);
    }
  });
});
