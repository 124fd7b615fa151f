import type { Command, Option } from 'commander';

/** The shells that a script is made for. */
export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/** A command with its path: `outbox list`. */
interface Node {
  readonly path: string;
  readonly command: Command;
}

/** A script that completes commands, options and the choices of options; files everywhere else. Pure. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const nodes = commands.flatMap((command) => nodesOf(command, ''));
  if (shell === 'fish') return fish(nodes);
  const script = bash(commands, nodes);
  return shell === 'bash' ? script : `autoload -U +X bashcompinit && bashcompinit\n${script}`;
}

function nodesOf(command: Command, around: string): readonly Node[] {
  const path = `${around} ${command.name()}`.trim();
  return [{ path, command }, ...command.commands.flatMap((child) => nodesOf(child, path))];
}

function bash(commands: readonly Command[], nodes: readonly Node[]): string {
  const first = commands.map((command) => command.name());
  return [
    '_signalbox() {',
    '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" at="" word words',
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$at $word" in',
    ...nodes.map(({ path }) => `      ${quoted(` ${path}`)}) at=${quoted(` ${path}`)} ;;`),
    '    esac',
    '  done',
    '  case "$at $prev" in',
    ...nodes.flatMap(({ path, command }) =>
      command.options.flatMap((option) => {
        const choices = choicesOf(option);
        if (choices === undefined) {
          // What an option takes otherwise is a file or a word of the user's.
          return option.required || option.optional
            ? [`    ${patterns(path, option)}) COMPREPLY=(); return ;;`]
            : [];
        }
        return [`    ${patterns(path, option)}) words=${quoted(choices.join(' '))} ;;`];
      }),
    ),
    '    *) case "$at" in',
    `      "") words=${quoted([...first, '--help', '--version', '--debug'].join(' '))} ;;`,
    ...nodes.map(
      ({ path, command }) =>
        `      ${quoted(` ${path}`)}) words=${quoted(wordsOf(command).join(' '))} ;;`,
    ),
    '    esac ;;',
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    '}',
    'complete -o default -F _signalbox signalbox',
    '',
  ].join('\n');
}

function patterns(path: string, { short, long }: Option): string {
  return [short, long]
    .filter((flag) => flag !== undefined)
    .map((flag) => quoted(` ${path} ${flag}`))
    .join('|');
}

function wordsOf(command: Command): readonly string[] {
  return [
    ...command.commands.map((child) => child.name()),
    ...command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    ...command.options.flatMap(({ long }) => long ?? []),
    '--help',
  ];
}

function fish(nodes: readonly Node[]): string {
  return [
    ...nodes.flatMap(({ path, command }) => {
      const around = path.split(' ').slice(0, -1);
      const here = condition(path.split(' '), command);
      return [
        `complete -c signalbox -n ${quoted(around.length === 0 ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${around.join(' ')}`)} -a ${quoted(command.name())} -d ${quoted(command.description())}`,
        ...command.registeredArguments.flatMap(({ argChoices }) =>
          argChoices === undefined
            ? []
            : [`complete -c signalbox -n ${quoted(here)} -xa ${quoted(argChoices.join(' '))}`],
        ),
        ...command.options.map((option) => {
          const choices = choicesOf(option);
          const takes =
            choices !== undefined
              ? ` -xa ${quoted(choices.join(' '))}`
              : option.required || option.optional
                ? ' -r'
                : '';
          const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
          const long = option.long === undefined ? '' : ` -l ${option.long.slice(2)}`;
          return `complete -c signalbox -n ${quoted(here)}${short}${long} -d ${quoted(option.description)}${takes}`;
        }),
      ];
    }),
    '',
  ].join('\n');
}

/** In fish: inside a command, and in none of its own. */
function condition(path: readonly string[], { commands }: Command): string {
  const inside = path.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
  const children = commands.map((child) => child.name());
  return children.length === 0
    ? inside
    : `${inside}; and not __fish_seen_subcommand_from ${children.join(' ')}`;
}

function choicesOf({ argChoices }: Option): readonly string[] | undefined {
  return argChoices;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
