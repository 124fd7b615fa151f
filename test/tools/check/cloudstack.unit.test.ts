import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builtInChecks } from '../../../machines/checks.js';
import { machines, virtualMachine } from '../../../machines/index.js';
import { checkLifecycle, type Finding } from '../../../src/tools/check/index.js';
import { readDeclarations } from '../../../src/tools/check/read-declarations.js';

const fixture = new URL('../../fixtures/cloudstack-lifecycles.json', import.meta.url);
const raw = readDeclarations(JSON.parse(readFileSync(fixture, 'utf8')));

function findingsOf(resource: string): readonly Finding[] {
  const check = raw.find(({ lifecycle }) => lifecycle.resource === resource);
  if (check === undefined) throw new Error(`The fixture has no ${resource}.`);
  return checkLifecycle(check.lifecycle, check).findings;
}

describe('the lifecycles of CloudStack as they are', () => {
  it('have a Restoring that refuses OperationFailed', () => {
    expect(findingsOf('VirtualMachine')).toContainEqual(
      expect.objectContaining({
        code: 'FAILURE_EVENT_NOT_TAKEN',
        place: { resource: 'VirtualMachine', state: 'Restoring', event: 'OperationFailed' },
      }),
    );
  });

  it('have no end for a machine, and rest it in Expunging', () => {
    const findings = findingsOf('VirtualMachine');
    expect(findings).toContainEqual(expect.objectContaining({ code: 'NO_FINAL_STATE' }));
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: 'DEAD_END',
        place: { resource: 'VirtualMachine', state: 'Expunging' },
      }),
    );
  });

  it('stop a migrating machine by three events without a stop of its meter', () => {
    const leaks = findingsOf('VirtualMachine').filter(({ code }) => code === 'METER_LEFT_OPEN');
    expect(leaks.map(({ place }) => [place.state, place.event, place.to, place.meter])).toEqual(
      ['AgentReportStopped', 'AgentReportShutdowned', 'FollowAgentPowerOffReport'].map((event) => [
        'Migrating',
        event,
        'Stopped',
        'VM.START/VM.STOP',
      ]),
    );
    expect(leaks[0]?.trace?.map(({ to }) => to)).toEqual([
      'Stopped',
      'Running',
      'Migrating',
      'Stopped',
    ]);
  });

  it('let a network out of Shutdown by success alone', () => {
    expect(findingsOf('Network')).toContainEqual(
      expect.objectContaining({
        code: 'NO_FAILURE_EXIT',
        place: { resource: 'Network', state: 'Shutdown' },
        message: 'OperationSucceeded is the single way out of Shutdown.',
      }),
    );
  });

  it('declare states that nothing enters and events that nothing takes', () => {
    for (const { lifecycle } of raw) {
      const reference = (
        JSON.parse(readFileSync(fixture, 'utf8')) as {
          lifecycles: Record<string, { neverEntered: string[]; eventsNeverUsed: string[] }>;
        }
      ).lifecycles[lifecycle.resource];
      const findings = findingsOf(lifecycle.resource);
      const of = (code: string) => findings.filter((finding) => finding.code === code);
      expect(of('UNREACHABLE_STATE').map(({ place }) => place.state)).toEqual(
        reference?.neverEntered,
      );
      expect(of('EVENT_NOT_TAKEN').map(({ place }) => place.event)).toEqual(
        reference?.eventsNeverUsed,
      );
    }
  });
});

describe('the built-in lifecycles', () => {
  it('are all checked', () => {
    expect(builtInChecks.map(({ lifecycle }) => lifecycle)).toEqual(machines);
  });

  it.each(builtInChecks)('pass clean: $lifecycle.resource', (check) => {
    expect(checkLifecycle(check.lifecycle, check).findings).toEqual([]);
  });

  it('accept no error but about meters, whose events are exactly those of CloudStack', () => {
    const errors = builtInChecks
      .flatMap((check) => checkLifecycle(check.lifecycle, check).suppressed)
      .filter(({ finding }) => finding.severity === 'error');
    expect(errors).not.toEqual([]);
    expect(errors.filter(({ finding }) => !finding.code.startsWith('METER_'))).toEqual([]);
  });

  // Two ways lead into each of these states, one with the meter running and one without:
  // docs/decisions/0018-meters-of-the-machine.md.
  it.each([
    ['Migrating', 'VM.START/VM.STOP'],
    ['Restoring', 'VM.CREATE/VM.DESTROY'],
  ])('could meter no exit of %s right, whatever it announced', (state, meter) => {
    const check = builtInChecks.find(({ lifecycle }) => lifecycle === virtualMachine);
    const {
      resource,
      initial,
      initialStates: births,
      states,
      events,
      transitions,
    } = virtualMachine;
    const exits = transitions.filter(({ from, to }) => from === state && to !== state);
    expect(exits.length).toBeGreaterThan(2);
    for (const exit of exits) {
      for (const types of [[], ...meter.split('/').map((type) => [type])]) {
        const effects = types.map((type) => ({ category: 'UsageEvent' as const, type }));
        const { findings } = checkLifecycle(
          {
            resource,
            initial,
            initialStates: births,
            states,
            events,
            transitions: transitions.map((one) => (one === exit ? { ...one, effects } : one)),
          },
          { meters: check?.meters ?? [] },
        );
        const atExit = findings.filter(
          ({ code, place }) =>
            code.startsWith('METER_') &&
            place.meter === meter &&
            place.state === state &&
            place.event === exit.event,
        );
        expect(atExit, `${exit.event} announces ${types.join() || 'nothing'}`).not.toEqual([]);
      }
    }
  });
});
