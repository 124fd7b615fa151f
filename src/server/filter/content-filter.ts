import { BlockList, isIP } from 'node:net';
import { RefusedError } from '../../core/errors/errors.js';

/** A condition on one value, in SNS's language. A plain value must be equal. */
export type Condition =
  | string
  | number
  | boolean
  | null
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly 'equals-ignore-case': string }
  | {
      readonly 'anything-but':
        | string
        | number
        | readonly (string | number)[]
        | { readonly prefix: string }
        | { readonly suffix: string };
    }
  | { readonly numeric: readonly (string | number)[] }
  | { readonly exists: boolean }
  | { readonly cidr: string };

/**
 * Conditions on an event: each key must be satisfied, by any condition of its list. Keys name attributes
 * of the event (`type`, `account`) or lead into `data` by nested objects. `$or` is a list of filters of
 * which one suffices.
 *
 * @example
 * { category: ['AlertEvent'], data: { details: { size: [{ numeric: ['>=', 100] }] } } }
 */
export interface ContentFilter {
  readonly [key: string]:
    readonly Condition[] | ContentFilter | readonly ContentFilter[] | undefined;
}

/** One check of a filter against an event. */
export interface ContentCheck {
  /** Where: `data.details.size`. */
  readonly path: string;
  readonly condition: string;
  readonly matches: boolean;
  /** Value of the event at that path, cut to a readable length. */
  readonly found: string;
}

type Test = (values: readonly unknown[]) => boolean;

/** A compiled filter. */
export interface CompiledContent {
  matches(event: unknown): boolean;
  /** Every check, in the order of the filter. */
  explain(event: unknown): readonly ContentCheck[];
  /** A path with the texts of which every matching event has one there; undefined for none. */
  readonly anchor: { readonly path: string; readonly values: readonly string[] } | undefined;
}

interface Leaf {
  readonly path: readonly string[];
  readonly text: string;
  readonly tests: readonly Test[];
  readonly exact: readonly string[] | undefined;
}

interface Node {
  readonly leaves: readonly Leaf[];
  readonly alternatives: readonly (readonly Node[])[];
}

const mostLeaves = 100;
const deepest = 10;

/** Pure. Throws RefusedError FILTER_INVALID for what can never match or is no filter. */
export function compileContent(filter: ContentFilter): CompiledContent {
  const counter = { left: mostLeaves };
  const node = compileNode(filter, [], counter);
  const [anchor] = node.leaves
    .flatMap(({ path, exact }) =>
      exact === undefined ? [] : [{ path: path.join('.'), values: exact }],
    )
    .toSorted((a, b) => specificity(b.path) - specificity(a.path));
  return {
    matches: (event) => matchesNode(node, event),
    explain: (event) => explainNode(node, event),
    anchor,
  };
}

/** Attributes that every event shares with many make poor anchors. */
function specificity(path: string): number {
  return ['category', 'type', 'source', 'specversion', 'datacontenttype'].includes(path) ? 0 : 1;
}

function compileNode(filter: unknown, path: readonly string[], counter: { left: number }): Node {
  if (!isObject(filter)) throw invalid(`${place(path)} is an object of conditions`);
  if (path.length > deepest) throw invalid(`it is nested deeper than ${deepest}`);
  const entries = Object.entries(filter).filter(([, value]) => value !== undefined);
  if (entries.length === 0) throw invalid(`${place(path)} has no conditions`);
  const leaves: Leaf[] = [];
  const alternatives: (readonly Node[])[] = [];
  for (const [key, value] of entries) {
    const inner = [...path, key];
    if (key === '$or') {
      if (!Array.isArray(value) || value.length < 2)
        throw invalid('$or is a list of two filters or more');
      alternatives.push(value.map((each) => compileNode(each, path, counter)));
    } else if (Array.isArray(value)) {
      counter.left -= 1;
      if (counter.left < 0) throw invalid(`it has more than ${mostLeaves} conditions`);
      leaves.push(compileLeaf(value, inner));
    } else {
      const node = compileNode(value, inner, counter);
      leaves.push(...node.leaves);
      alternatives.push(...node.alternatives);
    }
  }
  return { leaves, alternatives };
}

function compileLeaf(conditions: readonly unknown[], path: readonly string[]): Leaf {
  if (conditions.length === 0) throw invalid(`the list of ${place(path)} is empty`);
  return {
    path,
    text: JSON.stringify(conditions),
    tests: conditions.map((condition) => compileCondition(condition, path)),
    exact: conditions.every((condition) => typeof condition === 'string')
      ? (conditions as readonly string[])
      : undefined,
  };
}

function compileCondition(condition: unknown, path: readonly string[]): Test {
  if (condition === null || ['string', 'number', 'boolean'].includes(typeof condition)) {
    return some((value) => value === condition);
  }
  if (!isObject(condition) || Object.keys(condition).length !== 1) {
    throw invalid(`a condition of ${place(path)} is a value or an object of one operator`);
  }
  const [[operator, operand]] = Object.entries(condition) as [[string, unknown]];
  const text = (): string => {
    if (typeof operand === 'string' && operand !== '') return operand;
    throw invalid(`${operator} at ${place(path)} takes a text`);
  };
  switch (operator) {
    case 'prefix': {
      const start = text();
      return some((value) => typeof value === 'string' && value.startsWith(start));
    }
    case 'suffix': {
      const end = text();
      return some((value) => typeof value === 'string' && value.endsWith(end));
    }
    case 'equals-ignore-case': {
      const same = text().toLowerCase();
      return some((value) => typeof value === 'string' && value.toLowerCase() === same);
    }
    case 'anything-but':
      return anythingBut(operand, path);
    case 'numeric':
      return numeric(operand, path);
    case 'exists':
      if (typeof operand !== 'boolean')
        throw invalid(`exists at ${place(path)} takes true or false`);
      return (values) => values.length > 0 === operand;
    case 'cidr':
      return cidr(text(), path);
    default:
      throw invalid(
        `there is no operator '${operator.slice(0, 40)}'. Use prefix, suffix, equals-ignore-case, anything-but, numeric, exists or cidr`,
      );
  }
}

/** Any value of a list satisfies it, as in SNS. */
function some(test: (value: unknown) => boolean): Test {
  return (values) => values.some(test);
}

function anythingBut(operand: unknown, path: readonly string[]): Test {
  if (isObject(operand)) {
    const inner = compileCondition(operand, path);
    const [operator] = Object.keys(operand);
    if (operator !== 'prefix' && operator !== 'suffix') {
      throw invalid(`anything-but at ${place(path)} takes values, { prefix } or { suffix }`);
    }
    return some((value) => !inner([value]));
  }
  const values: readonly unknown[] = Array.isArray(operand) ? operand : [operand];
  if (
    values.length === 0 ||
    !values.every((value) => typeof value === 'string' || typeof value === 'number')
  ) {
    throw invalid(`anything-but at ${place(path)} takes texts or numbers`);
  }
  const refused = new Set<unknown>(values);
  return some((value) => !refused.has(value));
}

const comparisons: Readonly<Record<string, (value: number, bound: number) => boolean>> = {
  '=': (value, bound) => value === bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>': (value, bound) => value > bound,
  '>=': (value, bound) => value >= bound,
};

function numeric(operand: unknown, path: readonly string[]): Test {
  const wrong = (): RefusedError =>
    invalid(
      `numeric at ${place(path)} takes an operator and a number, or a range such as [">", 0, "<=", 150] with the lower bound first`,
    );
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) throw wrong();
  const parts: { readonly operator: string; readonly bound: number }[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const [operator, bound] = operand.slice(index, index + 2) as unknown[];
    if (typeof operator !== 'string' || !Object.hasOwn(comparisons, operator)) throw wrong();
    if (typeof bound !== 'number' || !Number.isFinite(bound)) throw wrong();
    parts.push({ operator, bound });
  }
  const [low, high] = parts;
  if (high !== undefined && low !== undefined) {
    const isRange = low.operator.startsWith('>') && high.operator.startsWith('<');
    if (!isRange || low.bound >= high.bound) throw wrong();
  }
  return some(
    (value) =>
      typeof value === 'number' &&
      parts.every(({ operator, bound }) => comparisons[operator]?.(value, bound) === true),
  );
}

function cidr(text: string, path: readonly string[]): Test {
  const [address = '', bits = ''] = text.split('/');
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  if (family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most) {
    throw invalid(`cidr at ${place(path)} takes an address and a length, such as 10.0.0.0/24`);
  }
  const block = new BlockList();
  block.addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6');
  return some((value) => {
    const kind = typeof value === 'string' ? isIP(value) : 0;
    return kind !== 0 && block.check(value as string, kind === 4 ? 'ipv4' : 'ipv6');
  });
}

function matchesNode(node: Node, event: unknown): boolean {
  return (
    node.leaves.every(({ path, tests }) => {
      const values = valuesAt(event, path);
      return tests.some((test) => test(values));
    }) &&
    node.alternatives.every((nodes) => nodes.some((alternative) => matchesNode(alternative, event)))
  );
}

function explainNode(node: Node, event: unknown): readonly ContentCheck[] {
  return [
    ...node.leaves.map(({ path, text, tests }) => {
      const values = valuesAt(event, path);
      return {
        path: path.join('.'),
        condition: text,
        matches: tests.some((test) => test(values)),
        found: values.length === 0 ? 'nothing' : JSON.stringify(values).slice(1, -1).slice(0, 200),
      };
    }),
    ...node.alternatives.map((nodes) => ({
      path: '$or',
      condition: `${nodes.length} alternatives`,
      matches: nodes.some((alternative) => matchesNode(alternative, event)),
      found: nodes
        .map((alternative) => (matchesNode(alternative, event) ? 'matches' : 'does not match'))
        .join(', '),
    })),
  ];
}

/** Every value at a path; lists on the way are looked into. */
export function valuesAt(event: unknown, path: readonly string[]): readonly unknown[] {
  let found: readonly unknown[] = [event];
  for (const name of path) {
    found = found
      .flatMap((value) => (Array.isArray(value) ? (value as readonly unknown[]) : [value]))
      .flatMap((value) => (isObject(value) && Object.hasOwn(value, name) ? [value[name]] : []));
  }
  return found.flatMap((value) => (Array.isArray(value) ? (value as readonly unknown[]) : [value]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function place(path: readonly string[]): string {
  return path.length === 0 ? 'the filter' : `'${path.join('.').slice(0, 200)}'`;
}

function invalid(problem: string): RefusedError {
  return RefusedError.of('FILTER_INVALID', `The content filter is refused: ${problem}.`, {
    filter: 'content',
  });
}
