import type { ContractChange } from './compare-contracts.js';

/** The changes for a terminal, one on each line and a verdict last. Pure; no trailing line break. */
export function contractChangeText(changes: readonly ContractChange[]): string {
  const breaking = changes.filter((change) => change.breaking).length;
  return [
    ...changes.map((change) => {
      const { kind, channel, property, message } = change;
      const mark = change.breaking ? 'breaking  ' : 'compatible';
      return `${mark}  ${channel}${property === undefined ? '' : ` ${property}`}: ${kind}. ${message}`;
    }),
    breaking === 0
      ? `no breaking change, ${changes.length} compatible`
      : `${breaking} breaking of ${changes.length} changes`,
  ].join('\n');
}
