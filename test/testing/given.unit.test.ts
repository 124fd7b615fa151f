import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { loadBalancer } from '../../examples/load-balancer.js';
import { snapshot, virtualMachine, volume } from '../../machines/index.js';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import type { JsonObject } from '../../src/core/json/json.js';
import { effects } from '../../src/core/lifecycle/effects.js';
import { ExpectationError } from '../../src/testing/expectation-error.js';
import { given } from '../../src/testing/given.js';

/** What an expectation that is not met says. */
const fault = (expectation: () => unknown): ExpectationError => {
  try {
    expectation();
  } catch (error) {
    if (error instanceof ExpectationError) return error;
    throw error;
  }
  throw new Error('the expectation is met');
};

const created = { category: 'UsageEvent', type: 'VOLUME.CREATE' } as const;

describe('then', () => {
  it('is met by the state that the step leads to, and by no other', () => {
    const attempt = given(volume, 'Ready').when('AttachRequested');
    attempt.then('Attaching');
    expect(fault(() => attempt.then('Ready'))).toMatchObject({
      name: 'AssertionError',
      code: 'ERR_ASSERTION',
      expected: 'Ready',
      actual: 'Attaching',
      operator: 'then',
      message: 'Volume in Ready, AttachRequested -> Attaching: expected to be in Ready.',
    });
  });

  it('a failure points at the test, not into the kit', () => {
    const error = fault(() => given(volume, 'Ready').when('AttachRequested').then('Ready'));
    const [frame] = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
    expect(frame).toContain('given.unit.test');
  });

  it('is not met by an event that is refused, and says why it is', () => {
    const error = fault(() => given(volume, 'Resizing').when('AttachRequested').then('Attaching'));
    expect(error).toMatchObject({ expected: 'Attaching', actual: 'EVENT_NOT_LAWFUL' });
    expect(error.message).toContain('Lawful now: OperationSucceeded, OperationFailed.');
  });

  it('walks on from where it came to, and leaves the beginning as it was', () => {
    const ready = given(volume, 'Ready');
    ready.when('ResizeRequested').then('Resizing').when('OperationFailed').then('Ready');
    ready.when('AttachRequested').then('Attaching');
  });

  it('an attempt of which nothing is expected fails when a runner awaits it', async () => {
    const test = given(volume, 'Ready').when('AttachRequested') as unknown;
    await expect(Promise.resolve(test)).rejects.toThrow(/nothing is expected of AttachRequested/);
  });

  it('an expectation that is met can be awaited', async () => {
    const test = async (): Promise<unknown> =>
      given(volume, 'Ready').when('AttachRequested').then('Attaching').announcesNothing();
    await expect(test()).resolves.toBeDefined();
    const refused = async (): Promise<unknown> =>
      given(volume, 'Resizing').when('AttachRequested').refuses('EVENT_NOT_LAWFUL');
    await expect(refused()).resolves.toBeDefined();
  });
});

describe('refuses', () => {
  it('is met by the reason, and by no other', () => {
    const attempt = given(volume, 'Resizing').when('AttachRequested');
    attempt.refuses('EVENT_NOT_LAWFUL');
    expect(fault(() => attempt.refuses('GUARD_REFUSED'))).toMatchObject({
      expected: 'GUARD_REFUSED',
      actual: 'EVENT_NOT_LAWFUL',
      operator: 'refuses',
    });
  });

  it('is not met by a lawful event', () => {
    const lawful = given(volume, 'Ready').when('AttachRequested');
    expect(fault(() => lawful.refuses('EVENT_NOT_LAWFUL'))).toMatchObject({ actual: 'Attaching' });
  });

  it('leaves the resource where it is', () => {
    given(volume, 'Resizing')
      .when('AttachRequested')
      .refuses('EVENT_NOT_LAWFUL')
      .when('OperationSucceeded')
      .then('Ready');
  });

  it('follows the guards, and what they read can change on the way', () => {
    given(loadBalancer, 'Allocated', { members: 0 })
      .when('DeployRequested')
      .refuses('GUARD_REFUSED')
      .withContext({ members: 2 })
      .when({ type: 'DeployRequested', urgent: true })
      .then('Deploying');
  });
});

describe('announces', () => {
  const ready = given(volume, 'Copying').when('OperationSucceeded').then('Ready');

  it('is met when the step announces it', () => {
    ready.announces(created).announcesOnly(created);
    given(volume, 'Allocated').when('UploadRequested').then('UploadOp').announcesNothing();
  });

  it('is not met by another type, a second time, or another category', () => {
    const deleted = { category: 'UsageEvent', type: 'VOLUME.DELETE' } as const;
    expect(fault(() => ready.announces(deleted)).message).toMatch(/VOLUME.DELETE is not announced/);
    expect(fault(() => ready.announces(created, created)).operator).toBe('announces');
    const action = { category: 'ActionEvent', type: 'VOLUME.CREATE' } as const;
    expect(fault(() => ready.announces(action)).expected).toEqual([action]);
  });

  it('announcesNothing is not met when something is announced', () => {
    const error = fault(() => ready.announcesNothing());
    expect(error.message).toMatch(/UsageEvent VOLUME.CREATE is announced too/);
    expect(error.actual).toMatchObject([created]);
  });

  it('data is compared when it is given, whatever the order of its keys', () => {
    const box = defineLifecycle({
      resource: 'Box',
      version: 1,
      machine: setup({
        types: {} as { events: { type: 'Fill' } },
        actions: effects,
      }).createMachine({
        initial: 'Empty',
        states: {
          Empty: {
            on: {
              Fill: {
                target: 'Full',
                actions: {
                  type: 'alert',
                  params: {
                    type: 'ALERT.STORAGE',
                    data: { level: { litres: 3, of: [3, 4] }, a: 1 },
                  },
                },
              },
            },
          },
          Full: { type: 'final' },
        },
      }),
    });
    const alert = { category: 'AlertEvent', type: 'ALERT.STORAGE' } as const;
    const full = given(box, 'Empty').when('Fill').then('Full');
    full.announces(alert);
    full.announces({ ...alert, data: { a: 1, level: { of: [3, 4], litres: 3 } } });
    const others: readonly JsonObject[] = [
      { a: 1 },
      { a: 1, level: { litres: 3, of: [4, 3] } },
      { a: 1, b: 2 },
    ];
    for (const data of others) {
      expect(fault(() => full.announces({ ...alert, data })).operator).toBe('announces');
    }
  });
});

describe('deadlines', () => {
  it('are armed on entry and cancelled on exit', () => {
    given(volume, 'Ready')
      .when('AttachRequested')
      .then('Attaching')
      .arms({ minutes: 15 })
      .arms('Attaching/900000')
      .when('OperationSucceeded')
      .then('Ready')
      .cancels({ minutes: 15 });
  });

  it('one that is not armed or cancelled is told, with the one that was probably meant', () => {
    const attaching = given(volume, 'Ready').when('AttachRequested').then('Attaching');
    expect(fault(() => attaching.arms({ hours: 2 })).message).toMatch(/arms a deadline of 2 h/);
    expect(fault(() => attaching.cancels('Attaching/900000')).actual).toEqual([]);
    expect(fault(() => attaching.arms('Attaching/90000')).message).toMatch(
      /no such deadline. Did you mean 'Attaching\/900000'/,
    );
  });

  it('fire when virtual time has passed, and not before', () => {
    const expunging = given(virtualMachine, 'Error').when('ExpungeOperation').then('Expunging');
    expunging.after({ minutes: 59, seconds: 59 }).then('Expunging').announcesNothing();
    expunging
      .after({ hours: 1 })
      .then('Error')
      .announces({ category: 'AlertEvent', type: 'ALERT.RESOURCE.STUCK' });
  });

  it('time adds up over steps', () => {
    given(virtualMachine, 'Expunging')
      .after({ minutes: 40 })
      .then('Expunging')
      .after({ minutes: 20 })
      .then('Error');
  });

  it('a new attempt has the whole time again, a step that stays has what is left', () => {
    given(virtualMachine, 'Expunging')
      .after({ minutes: 40 })
      .then('Expunging')
      .when('ExpungeOperation')
      .then('Expunging')
      .arms({ hours: 1 })
      .after({ minutes: 59 })
      .then('Expunging')
      .after({ minutes: 1 })
      .then('Error');
    given(virtualMachine, 'Stopping')
      .after({ minutes: 20 })
      .then('Stopping')
      .when('StopRequested')
      .then('Stopping')
      .after({ minutes: 10 })
      .then('Stopping')
      .announces({ category: 'AlertEvent', type: 'ALERT.RESOURCE.STUCK' });
  });

  it('one that only raises its alert raises it once and moves nothing', () => {
    const stuck = { category: 'AlertEvent', type: 'ALERT.RESOURCE.STUCK' } as const;
    given(snapshot, 'Creating').after({ days: 3 }).then('Creating').announcesOnly(stuck);
  });

  it('those armed on the way fire too', () => {
    const chain = defineLifecycle({
      resource: 'Fuse',
      version: 1,
      machine: setup({ types: {} as { events: { type: 'Light' } } }).createMachine({
        initial: 'New',
        states: {
          New: { on: { Light: 'Burning' } },
          Burning: { after: { 1000: 'Glowing' } },
          Glowing: { after: { 500: 'Out' } },
          Out: { type: 'final' },
        },
      }),
    });
    const lit = given(chain, 'New').when('Light').then('Burning');
    lit.after(1499).then('Glowing').after(1).then('Out');
    lit.after({ seconds: 1, milliseconds: 500 }).then('Out');
  });

  it('time does not run backwards, and has the units it has', () => {
    expect(() => given(volume, 'Ready').after(-1)).toThrow(RangeError);
    expect(() => given(volume, 'Ready').after(Number.NaN)).toThrow(RangeError);
    expect(() => given(volume, 'Ready').after({ fortnights: 1 } as never)).toThrow(/days, hours/);
  });
});

describe('types and names', () => {
  it('a state that does not exist is refused when it is given', () => {
    expect(() => given(volume, 'Redy' as never)).toThrow(/Did you mean 'Ready'/);
  });

  it('an unknown state or event fails to compile, and another effect type fails', () => {
    // @ts-expect-error no such state
    expect(() => given(volume, 'Attached')).toThrow(/no state 'Attached'/);
    // @ts-expect-error no such event
    given(volume, 'Ready').when('Detach').refuses('UNKNOWN_EVENT');
    const attaching = given(volume, 'Ready').when('AttachRequested');
    // @ts-expect-error no such state
    expect(() => attaching.then('Attached')).toThrow(ExpectationError);
    const arrival = attaching.then('Attaching');
    const attached = () => arrival.announces({ category: 'UsageEvent', type: 'VOLUME.ATTACHED' });
    const attach = () => arrival.announces({ category: 'UsageEvent', type: 'VOLUME.ATTACH' });
    expect([attached, attach].map((each) => fault(each).operator)).toEqual([
      'announces',
      'announces',
    ]);
    // @ts-expect-error no such refusal
    expect(() => attaching.refuses('NOT_TODAY')).toThrow(ExpectationError);
    // @ts-expect-error no such context
    given(loadBalancer, 'Allocated', { servers: 1 });
  });
});
