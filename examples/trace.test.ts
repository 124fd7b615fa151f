import { expect, it } from 'vitest';
// #region check
import { virtualMachine } from 'signalbox/machines';
import { parseTraceLine, traceCheck } from 'signalbox/trace';

function faultsOf(lines: Iterable<string>): readonly string[] {
  const check = traceCheck([virtualMachine], { maxDwell: { Stopping: 10 * 60_000 } });
  let number = 0;
  for (const line of lines) {
    number += 1;
    const event = parseTraceLine(line);
    if (event !== undefined) check.add(event, `line ${number}`);
  }
  return check.report().listed.map(({ place, message }) => `${place}: ${message}`);
}
// #endregion

it('tells where a machine did what its lifecycle does not allow', () => {
  const uuid = '9d827485-0f46-4db8-bd39-fede97cbac0c';
  const line = JSON.stringify({
    specversion: '1.0',
    id: '019530c5-0a00-7000-8000-000000000001',
    source: 'compute',
    type: 'RecoveryRequested',
    subject: `VirtualMachine/${uuid}`,
    time: '2026-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    dataschema: 'https://signalbox.dev/schemas/ResourceStateEvent/1',
    partitionkey: uuid,
    category: 'ResourceStateEvent',
    revision: 7,
    data: {
      event: 'RecoveryRequested',
      old: 'Running',
      new: 'Stopped',
      lifecycleVersion: 1,
      changed: true,
    },
  });
  expect(faultsOf([line])).toEqual([
    `line 1: VirtualMachine ${uuid}, revision 7 RecoveryRequested: Running does not take RecoveryRequested.`,
  ]);
});
