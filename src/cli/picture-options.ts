import { Option, type Command } from 'commander';
import type { DiagramOptions } from '../tools/diagram/options.js';
import { repeated, wholeNumber } from './option-values.js';

/** The flags of commands that draw. */
export interface PictureFlags {
  readonly direction: 'down' | 'right';
  readonly theme: 'light' | 'dark';
  readonly selfLoops: 'inside' | 'arrows';
  readonly effects: boolean;
  readonly guards: boolean;
  readonly deadlines: boolean;
  readonly tags: boolean;
  readonly legend: boolean;
  readonly around?: string;
  readonly distance: number;
  readonly highlight?: readonly string[];
}

/** Adds the flags of commands that draw. */
export function withPictureOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--direction <direction>', 'how to lay it out')
        .choices(['down', 'right'])
        .default('down'),
    )
    .addOption(
      new Option('--theme <theme>', 'colours for a light or a dark page')
        .choices(['light', 'dark'])
        .default('light'),
    )
    .addOption(
      new Option('--self-loops <how>', 'transitions back to the same state')
        .choices(['inside', 'arrows'])
        .default('inside'),
    )
    .option('--no-effects', 'leave out what transitions announce')
    .option('--no-guards', 'leave out guards')
    .option('--no-deadlines', 'leave out the deadlines of states')
    .option('--no-tags', 'leave out the tags of states')
    .option('--no-legend', 'leave out what the colours and signs mean (svg, png)')
    .option('--around <state>', 'draw only what is near a state')
    .option('--distance <n>', 'how many transitions away from it', wholeNumber, 1);
}

/** Adds the flag that points out a path, for commands that draw one lifecycle. */
export function withHighlightOption(command: Command): Command {
  return command.option(
    '--highlight <state>',
    'point out a path: give its states one after another, each with its own --highlight',
    repeated,
    [],
  );
}

/** The options of a diagram from the flags. Pure. */
export function pictureOptions(flags: PictureFlags): DiagramOptions {
  const { around, distance, highlight = [], direction, theme, selfLoops } = flags;
  const { effects, guards, deadlines, tags, legend } = flags;
  const [first] = highlight;
  const steps = highlight.slice(1).map((to, index) => ({ from: highlight[index] ?? to, to }));
  return {
    direction,
    theme,
    selfLoops,
    effects,
    guards,
    deadlines,
    tags,
    legend,
    highlight: steps.length === 0 && first !== undefined ? [{ from: first, to: first }] : steps,
    ...(around === undefined ? {} : { around: { state: around, distance } }),
  };
}
