import {
  deadlineExceeded,
  type ChartHistory,
  type ChartNode,
  type ChartTransition,
  type Effect,
} from '../../core/lifecycle/lifecycle.js';
import type { DrawnMachine } from './graph.js';
import { isPathWithin } from './highlights.js';
import { xmlText } from './xml-text.js';

/**
 * A lifecycle as W3C SCXML 1.0, valid by its schema. Pure; ends with a line break.
 *
 * - Names that SCXML does not allow are written with `_xHHHH_` for each character that is in the way;
 *   the name as it is stands in `signalbox:name`.
 * - Effects are `<send>` with the category as type; a deadline is a delayed `<send>` to itself that
 *   leaving the state cancels.
 * - Guards are conditions by name, for the interpreter to define.
 * - A final state takes no transitions in SCXML: those of one within another state are written at that
 *   state, on the condition that the final one is active.
 *
 * @example
 * ```ts
 * await writeFile('volume.scxml', scxml(volume));
 * ```
 */
export function scxml(machine: DrawnMachine): string {
  const { resource, version, initialStates: creations, chart } = machine;
  // The outermost element takes no transitions: a machine that has some is written as a state in it.
  const isState =
    chart.kind === 'parallel' ||
    chart.transitions.length + chart.deadlines.length + chart.entry.length + chart.exit.length > 0;
  const initial = isState
    ? idOf(chart)
    : chart.initial === undefined
      ? undefined
      : wordOf(chart.initial);
  const attributes = [
    'xmlns="http://www.w3.org/2005/07/scxml"',
    'xmlns:signalbox="urn:signalbox"',
    'version="1.0"',
    'datamodel="ecmascript"',
    `name="${wordOf(resource)}"`,
    ...(initial === undefined ? [] : [`initial="${initial}"`]),
    `signalbox:name="${xmlText(resource)}"`,
    `signalbox:version="${version}"`,
    `signalbox:initialStates="${creations.map((creation) => wordOf(creation)).join(' ')}"`,
  ];
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<scxml ${attributes.join('\n       ')}>`,
    ...(isState ? stateLines(chart, 1) : chart.children.flatMap((child) => stateLines(child, 1))),
    '</scxml>',
    '',
  ].join('\n');
}

function stateLines(node: ChartNode, depth: number): readonly string[] {
  const { name, kind, tags, description, initial, children, histories = [] } = node;
  const element = kind === 'final' || kind === 'parallel' ? kind : 'state';
  const attributes = [
    `id="${idOf(node)}"`,
    ...(kind === 'compound' && initial !== undefined ? [`initial="${wordOf(initial)}"`] : []),
    ...(idOf(node) === name ? [] : [`signalbox:name="${xmlText(name)}"`]),
    ...(tags.length === 0 ? [] : [`signalbox:tags="${xmlText(tags.join(' '))}"`]),
    ...(description === undefined ? [] : [`signalbox:description="${xmlText(description)}"`]),
  ];
  const lines = [
    ...handler('onentry', [...node.entry.map(sendLine), ...node.deadlines.map(armLine)]),
    ...handler('onexit', [...node.exit.map(sendLine), ...node.deadlines.map(cancelLine)]),
    // First, since an inner state's transitions go before those of the state around it.
    ...children.filter(isLeftFinal).flatMap((child) => transitionsOf(child, node)),
    ...(kind === 'final' ? [] : transitionsOf(node, node)),
    ...children.flatMap((child) => stateLines(child, 0)),
    ...histories.flatMap(historyLines),
  ];
  const head = `<${element} ${attributes.join(' ')}`;
  const all =
    lines.length === 0 ? [`${head}/>`] : [`${head}>`, ...indented(lines), `</${element}>`];
  return depth === 0 ? all : indented(all);
}

function historyLines({ name, path, deep, targets }: ChartHistory): readonly string[] {
  const id = wordOf(path);
  return [
    `<history id="${id}" type="${deep ? 'deep' : 'shallow'}"${id === name ? '' : ` signalbox:name="${xmlText(name)}"`}>`,
    ...indented([`<transition target="${targets.map(wordOf).join(' ')}"/>`]),
    '</history>',
  ];
}

/** A final state that may be left: one of the machine itself ends it. */
function isLeftFinal({ kind, path }: ChartNode): boolean {
  return kind === 'final' && path.includes('.');
}

/** The transitions of a state, as they stand in its own element or, for a final one, in its parent's. */
function transitionsOf(node: ChartNode, writtenIn: ChartNode): readonly string[] {
  return [
    ...deadlineLines(node, writtenIn),
    ...node.transitions
      .filter(({ trigger }) => trigger.kind !== 'deadline')
      .flatMap((transition) => transitionLines(node, writtenIn, transition, transition.effects)),
  ];
}

function deadlineLines(node: ChartNode, writtenIn: ChartNode): readonly string[] {
  return node.deadlines.flatMap((deadline) => {
    const moves = node.transitions.filter(
      ({ trigger }) => trigger.kind === 'deadline' && trigger.deadline.id === deadline.id,
    );
    const event = timerOf(deadline);
    const cond = node === writtenIn ? '' : ` cond="${xmlText(whileIn(node))}"`;
    const only = `<transition event="${event}"${cond}>`;
    if (moves.length === 0) return [only, ...indented([sendLine(deadline.alert)]), '</transition>'];
    return moves.flatMap((move) =>
      transitionLines(node, writtenIn, move, [deadline.alert, ...move.effects]),
    );
  });
}

function transitionLines(
  node: ChartNode,
  writtenIn: ChartNode,
  transition: ChartTransition,
  effects: readonly Effect[],
): readonly string[] {
  const { trigger, guard, description, reenter } = transition;
  const event =
    trigger.kind === 'event'
      ? eventOf(trigger.event)
      : trigger.kind === 'done'
        ? `done.state.${idOf(node)}`
        : trigger.kind === 'deadline'
          ? timerOf(trigger.deadline)
          : undefined;
  const targets = targetsOf(node, transition);
  const isOwn = writtenIn === node;
  const conditions = [
    ...(isOwn ? [] : [whileIn(node)]),
    ...(guard === undefined ? [] : [isOwn ? guard : `(${guard})`]),
  ];
  const attributes = [
    ...(event === undefined ? [] : [`event="${event}"`]),
    ...(conditions.length === 0 ? [] : [`cond="${xmlText(conditions.join(' && '))}"`]),
    ...(targets.length === 0
      ? []
      : [`target="${targets.map((path) => wordOf(path) || idOf(node)).join(' ')}"`]),
    // Everywhere else the two kinds of transition do the same.
    ...(targets.length > 0 &&
    !(isOwn && reenter) &&
    writtenIn.kind !== 'atomic' &&
    targets.every((target) => isPathWithin(target, writtenIn.path)) &&
    (isOwn || !targets.includes(writtenIn.path))
      ? ['type="internal"']
      : []),
    ...(description === undefined ? [] : [`signalbox:description="${xmlText(description)}"`]),
  ];
  const head = `<transition ${attributes.join(' ')}`;
  if (effects.length === 0) return [`${head}/>`];
  return [`${head}>`, ...indented(effects.map(sendLine)), '</transition>'];
}

function whileIn(node: ChartNode): string {
  return `In('${idOf(node)}')`;
}

// Where XState stays in a state, SCXML would leave it and come back.
function targetsOf(
  { path, kind, initial }: ChartNode,
  { targets, reenter }: ChartTransition,
): readonly string[] {
  if (reenter) return targets.length === 0 ? [path] : targets;
  if (targets.length !== 1 || targets[0] !== path) return targets;
  return kind === 'compound' && initial !== undefined
    ? [initial]
    : kind === 'parallel'
      ? targets
      : [];
}

function sendLine({ category, type, data }: Effect): string {
  const head = `<send event="${eventOf(type)}" type="urn:signalbox:${category}"`;
  return data === undefined
    ? `${head}/>`
    : `${head}><content>${xmlText(JSON.stringify(data))}</content></send>`;
}

function armLine(deadline: { readonly id: string; readonly after: number }): string {
  return `<send event="${timerOf(deadline)}" id="${timerIdOf(deadline)}" delay="${deadline.after}ms"/>`;
}

function cancelLine(deadline: { readonly id: string }): string {
  return `<cancel sendid="${timerIdOf(deadline)}"/>`;
}

function timerIdOf({ id }: { readonly id: string }): string {
  return `deadline-${wordOf(id)}`;
}

function timerOf({ id }: { readonly id: string }): string {
  return `${deadlineExceeded}.${wordOf(id)}`;
}

function handler(element: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`<${element}>`, ...indented(lines), `</${element}>`];
}

function indented(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

function idOf({ path, name }: ChartNode): string {
  // The machine itself has no path; a state of the same name must not get its id.
  return path === '' ? `machine-${wordOf(name)}` : wordOf(path);
}

function eventOf(descriptor: string): string {
  if (descriptor === '*') return '*';
  if (descriptor.endsWith('.*')) return `${eventOf(descriptor.slice(0, -2))}.*`;
  return /(?:^|\.)(?:\.|$)/u.test(descriptor)
    ? wordOf(descriptor.replaceAll('.', '\0'))
    : wordOf(descriptor);
}

// A hyphen is not left in names, so that ids with one (`machine-…`, `deadline-…`) are never those of states.
/** Reversible: what is not allowed in an XML id becomes `_xHHHH_`, and so does what looks like that. */
function wordOf(text: string): string {
  return text
    .replaceAll(/_x(?=[0-9A-F]{4,6}_)|[^A-Za-z0-9._]/gu, (found) =>
      found === '_x' ? '_x005F_x' : hexOf(found === '\0' ? '.' : found),
    )
    .replace(/^[0-9.]/u, hexOf);
}

function hexOf(character: string): string {
  return `_x${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}_`;
}
