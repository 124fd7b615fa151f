import { withArticle, withCapitalArticle } from '../../core/lifecycle/with-article.js';
import { Argument, Command, Option } from 'commander';
import { ConfigurationError } from '../../core/errors/errors.js';
import { nearestName } from '../../core/errors/nearest-name.js';
import { guardText } from '../../core/lifecycle/describe-lifecycle.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { plan, type Plan } from '../../core/lifecycle/plan.js';
import { partsOf, stateText } from '../../core/lifecycle/regions.js';
import { loadLifecycle } from '../load-lifecycle.js';

interface PlanFlags {
  readonly from: string;
  readonly to: string;
  readonly timeouts?: boolean;
  readonly format: 'text' | 'json';
}

/** `signalbox plan`: the shortest lawful path between two states, or the proof that there is none. */
export function planCommand(): Command {
  return new Command('plan')
    .description('Tell the shortest lawful path from one state to another, or prove there is none.')
    .addArgument(new Argument('<lifecycle>', 'a built-in resource, or the path of a file'))
    .requiredOption('--from <state>', 'the state the resource is in, or that of one region')
    .requiredOption('--to <state>', 'the state it is to come to, or that of one region')
    .option('--timeouts', 'also wait for deadlines that move it')
    .addOption(
      new Option('--format <format>', 'how to print it').choices(['text', 'json']).default('text'),
    )
    .addHelpText(
      'after',
      '\nExit code: 0 there is a path, 1 there is none, 2 there is no such lifecycle or state.\n\nExample:\n  signalbox plan VirtualMachine --from Destroyed --to Running',
    )
    .action(async (name: string, { from, to, timeouts = false, format }: PlanFlags) => {
      const lifecycle = await loadLifecycle(name);
      assertState(lifecycle, '--from', from);
      assertState(lifecycle, '--to', to);
      assertOneRegion(lifecycle, from, to);
      const way = plan(lifecycle, from, to, { timeouts });
      if (!way.possible) process.exitCode = 1;
      process.stdout.write(
        format === 'json'
          ? `${JSON.stringify(way, null, 2)}\n`
          : `${planText(lifecycle, way, { from, to, timeouts }).join('\n')}\n`,
      );
    });
}

function planText(
  lifecycle: AnyLifecycle,
  way: Plan,
  {
    from,
    to,
    timeouts,
  }: { readonly from: string; readonly to: string; readonly timeouts: boolean },
): readonly string[] {
  const { resource } = lifecycle;
  const [start, end] = [stateText(from), stateText(to)];
  if (way.possible) {
    if (way.steps.length === 0)
      return [`${withCapitalArticle(resource)} in ${start} is there already.`];
    return [
      `${withCapitalArticle(resource)} comes from ${start} to ${end} in ${way.steps.length} step${way.steps.length === 1 ? '' : 's'}:`,
      ...way.steps.map(({ from: source, event, to: target, guards, effects }, index) => {
        const condition = guards === undefined ? '' : ` if ${guardText(guards)}`;
        const announced =
          effects.length === 0 ? '' : `, announces ${effects.map(({ type }) => type).join(', ')}`;
        const [left, entered] = movedParts(lifecycle, source, target);
        return `  ${index + 1}. ${left} --${event}--> ${entered}${condition}${announced}`;
      }),
    ];
  }
  const timed = timeouts ? way : plan(lifecycle, from, to, { timeouts: true });
  const { reachable } = timed.possible ? way : timed;
  return [
    `No lawful path leads ${withArticle(resource)} from ${start} to ${end}.`,
    `Proof: from ${start} it reaches ${reachable.map(stateText).join(reachable.some((state) => state.startsWith('{')) ? '; ' : ', ')}; ${timed.possible ? 'no event leads' : 'neither an event nor a deadline leads'} out of these, and ${end} is not among them.`,
    ...(timed.possible ? ['There is one when deadlines pass: --timeouts tells it.'] : []),
  ];
}

/** The states of the regions that a step moves, before and after; the whole states where all do. */
function movedParts(
  lifecycle: AnyLifecycle,
  from: string,
  to: string,
): readonly [left: string, entered: string] {
  const parts = partsOf(lifecycle);
  const [before, after] = [parts(from), parts(to)];
  const left = before.filter((part) => !after.includes(part));
  const entered = after.filter((part) => !before.includes(part));
  if (left.length === 0 || entered.length === 0) return [stateText(from), stateText(to)];
  return [left.join(', '), entered.join(', ')];
}

/** From a state of one region only a state of the same region can be planned: the others are not known. */
function assertOneRegion({ states, regions }: AnyLifecycle, from: string, to: string): void {
  if (states.some(({ name }) => name === from)) return;
  const region = regions.find((each) => each.states.some(({ name }) => name === from));
  const leadsTo = new Set(region?.transitions.map((each) => each.to));
  if (region?.states.some(({ name }) => name === to) === true || leadsTo.has(to)) return;
  throw new ConfigurationError(
    'ARGUMENT_INVALID',
    `--from ${from} says nothing about the other regions. Give a state of the same region for --to, or the whole state for --from: ${states[0]?.name ?? ''} is one.`,
    { parameters: { from, to } },
  );
}

function assertState(
  { resource, states, regions }: AnyLifecycle,
  option: string,
  state: string,
): void {
  // Regions first: their names are what a person writes.
  const parts = regions.flatMap((region) => region.states.map(({ name }) => name));
  const names = [...new Set([...parts, ...states.map(({ name }) => name)])];
  if (names.includes(state)) return;
  const near = nearestName(state, names);
  throw new ConfigurationError(
    'ARGUMENT_INVALID',
    `${option}: ${resource} has no state '${state}'.${near === undefined ? '' : ` Did you mean '${near}'?`} Its states are ${parts.join(', ')}.`,
    { parameters: { resource, state } },
  );
}
