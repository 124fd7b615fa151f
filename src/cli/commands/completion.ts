import { Argument, Command } from 'commander';
import { completionScript, shells, type Shell } from '../completion-script.js';

/** `signalbox completion`: a script that lets a shell complete commands, options and their choices. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('Print a script that completes the command line in a shell.')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText(
      'after',
      '\nIn bash and zsh, source what it prints: source <(signalbox completion bash). In fish, write it to\n~/.config/fish/completions/signalbox.fish.\n\nExample:\n  signalbox completion bash',
    )
    .action(async (shell: Shell) => {
      // Imported here, since the list of commands has this one.
      const { commands } = await import('./commands.js');
      const all = await Promise.all(Object.values(commands).map((load) => load()));
      process.stdout.write(completionScript(shell, all));
    });
}
