import type { JsonSchema } from '../../core/json/json-schema.js';
import type { Contract } from './contract.js';

/** Kinds of change, and whether each breaks a consumer or a reader of old events. */
export const changeKinds = {
  'channel-removed': { breaking: true },
  'address-changed': { breaking: true },
  'property-removed': { breaking: true },
  'property-retyped': { breaking: true },
  'property-required': { breaking: true },
  'property-optional': { breaking: true },
  'values-narrowed': { breaking: true },
  'constraint-changed': { breaking: true },
  'channel-added': { breaking: false },
  'property-added': { breaking: false },
  'values-widened': { breaking: false },
  'constraint-relaxed': { breaking: false },
} as const satisfies Readonly<Record<ChangeKind, { readonly breaking: boolean }>>;

/** How a contract changed. */
export type ChangeKind =
  | 'channel-removed'
  | 'address-changed'
  | 'property-removed'
  | 'property-retyped'
  | 'property-required'
  | 'property-optional'
  | 'values-narrowed'
  | 'constraint-changed'
  | 'channel-added'
  | 'property-added'
  | 'values-widened'
  | 'constraint-relaxed';

/** One difference between two contracts. */
export interface ContractChange {
  readonly kind: ChangeKind;
  readonly breaking: boolean;
  /** The channel's key in the documents. */
  readonly channel: string;
  /** The path of the property, such as `data.old`; absent when the channel is meant. */
  readonly property?: string;
  /** One sentence. */
  readonly message: string;
}

/**
 * Lists the changes between two contracts, breaking changes first. Pure.
 *
 * Breaking is what fails a consumer that was written by the old contract, or an old event that is read by
 * the new one: a channel or property that is gone, another address or type, a property that becomes
 * required or stops to be, fewer values, and a tighter bound. New channels, new optional properties and
 * further values are compatible: lifecycles grow states, and consumers must expect a state they do not
 * know.
 */
export function compareContracts(old: Contract, next: Contract): readonly ContractChange[] {
  const changes: ContractChange[] = [];
  for (const [channel, before] of old) {
    const after = next.get(channel);
    const tell = teller(channel, changes);
    if (after === undefined) {
      tell('channel-removed', undefined, `The channel ${before.address} is gone.`);
      continue;
    }
    if (before.address !== after.address) {
      const told = `The address ${before.address} became ${after.address}.`;
      tell('address-changed', undefined, told);
    }
    compareSchemas(before.schema, after.schema, '', tell);
  }
  for (const [channel, { address }] of next) {
    if (old.has(channel)) continue;
    teller(channel, changes)('channel-added', undefined, `The channel ${address} is new.`);
  }
  return [
    ...changes.filter(({ breaking }) => breaking),
    ...changes.filter(({ breaking }) => !breaking),
  ];
}

type Tell = (kind: ChangeKind, property: string | undefined, message: string) => void;

function teller(channel: string, changes: ContractChange[]): Tell {
  return (kind, property, message) => {
    const { breaking } = changeKinds[kind];
    changes.push({
      kind,
      breaking,
      channel,
      ...(property === undefined ? {} : { property }),
      message,
    });
  };
}

function compareSchemas(old: JsonSchema, next: JsonSchema, path: string, tell: Tell): void {
  compareTypes(old, next, path, tell);
  compareValues(old, next, path, tell);
  compareBounds(old, next, path, tell);
  compareProperties(old, next, path, tell);
}

function compareTypes(old: JsonSchema, next: JsonSchema, path: string, tell: Tell): void {
  const before = typesOf(old);
  const after = typesOf(next);
  if (before !== after) tell('property-retyped', path, `Its type was ${before} and is ${after}.`);
}

/** As one text, in one order; a value that is listed has the type it shows. */
function typesOf({ type, const: only, enum: several }: JsonSchema): string {
  const values = only === undefined ? several : [only];
  if (type === undefined) return values === undefined ? 'any' : 'string';
  return (typeof type === 'string' ? [type] : [...type]).sort().join(' or ');
}

function compareValues(old: JsonSchema, next: JsonSchema, path: string, tell: Tell): void {
  const before = valuesOf(old);
  const after = valuesOf(next);
  if (before === undefined && after === undefined) return;
  if (after === undefined) {
    tell('values-widened', path, 'It may have any value now.');
    return;
  }
  if (before === undefined) {
    tell('values-narrowed', path, `It may only be ${after.join(', ')} now.`);
    return;
  }
  const gone = before.filter((value) => !after.includes(value));
  const added = after.filter((value) => !before.includes(value));
  if (gone.length > 0) tell('values-narrowed', path, `It cannot be ${gone.join(', ')} any more.`);
  if (added.length > 0) tell('values-widened', path, `It can be ${added.join(', ')} too.`);
}

function valuesOf({ const: only, enum: several }: JsonSchema): readonly string[] | undefined {
  return only === undefined ? several : [only];
}

const lowerBounds = ['minimum', 'minLength'] as const;
const upperBounds = ['maximum', 'maxLength'] as const;

function compareBounds(old: JsonSchema, next: JsonSchema, path: string, tell: Tell): void {
  if (old.pattern !== next.pattern) {
    const kind = next.pattern === undefined ? 'constraint-relaxed' : 'constraint-changed';
    const before = old.pattern ?? 'no pattern';
    tell(kind, path, `Its pattern was ${before} and is ${next.pattern ?? 'none'}.`);
  }
  for (const name of [...lowerBounds, ...upperBounds]) {
    const before = old[name];
    const after = next[name];
    if (before === after) continue;
    const lower = (lowerBounds as readonly string[]).includes(name);
    const none = lower ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    const wider = lower ? (after ?? none) < (before ?? none) : (after ?? none) > (before ?? none);
    const told = `Its ${name} was ${before ?? 'none'} and is ${after ?? 'none'}.`;
    tell(wider ? 'constraint-relaxed' : 'constraint-changed', path, told);
  }
}

function compareProperties(old: JsonSchema, next: JsonSchema, path: string, tell: Tell): void {
  const before = new Map(Object.entries(old.properties ?? {}));
  const after = new Map(Object.entries(next.properties ?? {}));
  const requiredBefore = new Set(old.required);
  const requiredAfter = new Set(next.required);
  for (const name of new Set([
    ...before.keys(),
    ...requiredBefore,
    ...after.keys(),
    ...requiredAfter,
  ])) {
    const full = path === '' ? name : `${path}.${name}`;
    const was = before.get(name);
    const is = after.get(name);
    if (requiredAfter.has(name) && !requiredBefore.has(name)) {
      tell('property-required', full, 'It is required now; old events may not have it.');
    } else if (requiredBefore.has(name) && !requiredAfter.has(name) && is !== undefined) {
      tell('property-optional', full, 'It may be absent now.');
    }
    if (was !== undefined && is !== undefined) compareSchemas(was, is, full, tell);
    else if (was !== undefined) tell('property-removed', full, 'It is gone.');
    else if (is !== undefined && !requiredAfter.has(name)) {
      tell('property-added', full, 'It is new.');
    }
  }
}
