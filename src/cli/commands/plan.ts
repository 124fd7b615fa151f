import { Argument, Command, Option } from 'commander';
import { ConfigurationError } from '../../core/errors/errors.js';
import { nearestName } from '../../core/errors/nearest-name.js';
import { guardText } from '../../core/lifecycle/describe-lifecycle.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { plan, type Plan } from '../../core/lifecycle/plan.js';
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
    .requiredOption('--from <state>', 'the state the resource is in')
    .requiredOption('--to <state>', 'the state it is to come to')
    .option('--timeouts', 'also wait for deadlines that move it')
    .addOption(
      new Option('--format <format>', 'how to print it').choices(['text', 'json']).default('text'),
    )
    .addHelpText(
      'after',
      '\nExample:\n  signalbox plan VirtualMachine --from Destroyed --to Running',
    )
    .action(async (name: string, { from, to, timeouts = false, format }: PlanFlags) => {
      const lifecycle = await loadLifecycle(name);
      assertState(lifecycle, '--from', from);
      assertState(lifecycle, '--to', to);
      const way = plan(lifecycle, from, to, { timeouts });
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
  if (way.possible) {
    if (way.steps.length === 0) return [`A ${resource} in ${from} is there already.`];
    return [
      `A ${resource} comes from ${from} to ${to} in ${way.steps.length} step${way.steps.length === 1 ? '' : 's'}:`,
      ...way.steps.map(({ from: source, event, to: target, guards, effects }, index) => {
        const condition = guards === undefined ? '' : ` if ${guardText(guards)}`;
        const announced =
          effects.length === 0 ? '' : `, announces ${effects.map(({ type }) => type).join(', ')}`;
        return `  ${index + 1}. ${source} --${event}--> ${target}${condition}${announced}`;
      }),
    ];
  }
  const timed = timeouts ? way : plan(lifecycle, from, to, { timeouts: true });
  const { reachable } = timed.possible ? way : timed;
  return [
    `No lawful path leads a ${resource} from ${from} to ${to}.`,
    `Proof: from ${from} it reaches ${reachable.join(', ')}; ${timed.possible ? 'no event leads' : 'neither an event nor a deadline leads'} out of these, and ${to} is not among them.`,
    ...(timed.possible ? ['There is one when deadlines pass: --timeouts tells it.'] : []),
  ];
}

function assertState({ resource, states }: AnyLifecycle, option: string, state: string): void {
  const names = states.map(({ name }) => name);
  if (names.includes(state)) return;
  const near = nearestName(state, names);
  throw new ConfigurationError(
    'ARGUMENT_INVALID',
    `${option}: ${resource} has no state '${state}'.${near === undefined ? '' : ` Did you mean '${near}'?`} Its states are ${names.join(', ')}.`,
    { parameters: { resource, state } },
  );
}
