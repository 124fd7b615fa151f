/** Notes of a group beside an offset, in the offset's metadata. */
export interface OffsetNotes {
  /** Records before this offset may have been handed out; what is behind it surely was not. */
  readonly handedOut: bigint;
  /** By offset, how many processes ended while its handler was under way. */
  readonly begun: ReadonlyMap<bigint, number>;
}

export const noNotes: OffsetNotes = { handedOut: 0n, begun: new Map() };

/** Brokers take 4,096 characters of metadata unless configured. */
const mostBegun = 100;
const version = 'signalbox/1';

/** Pure. */
export function writeNotes({ handedOut, begun }: OffsetNotes): string {
  const kept = [...begun].sort(([, a], [, b]) => b - a).slice(0, mostBegun);
  const marks = kept.map(([offset, count]) => `${offset}:${count}`);
  return `${version} ${handedOut} ${marks.join(',')}`.trimEnd();
}

/** Pure. The inverse; of metadata that is none of ours, no notes. */
export function readNotes(metadata: string | null | undefined): OffsetNotes {
  const [, handedOut, marks = ''] =
    /^signalbox\/1 (\d{1,19})(?: ([\d:,]*))?$/.exec(metadata ?? '') ?? [];
  if (handedOut === undefined) return noNotes;
  const begun = new Map<bigint, number>();
  for (const mark of marks.split(',')) {
    const [, offset, count] = /^(\d{1,19}):(\d{1,9})$/.exec(mark) ?? [];
    if (offset !== undefined) begun.set(BigInt(offset), Number(count));
  }
  return { handedOut: BigInt(handedOut), begun };
}
