import { Command, CommanderError } from 'commander';
import { commands } from './commands/commands.js';
import { packageVersion } from './package-version.js';
import { exitCodeOf, reportError } from './report-error.js';
import { tell, tellRecord } from './tell.js';

/**
 * Runs the command line and resolves with the exit code: 0 done, 1 a server is away or something
 * unexpected happened, 2 the arguments, the configuration or the request are wrong. Never rejects,
 * and never prints a stack trace without `--debug`.
 */
export async function run(args: readonly string[]): Promise<number> {
  const json = logsJson(args);
  const program = new Command('signalbox')
    .description('Lawful transitions, every one announced.')
    .version(packageVersion())
    .option('--debug', 'print stack traces of errors')
    .configureHelp({ showGlobalOptions: true })
    // One line, as of every other error: commander sets its suggestion on a second.
    .configureOutput({
      outputError: (text) => {
        const line = text.trim().replaceAll(/\s*\n\s*/gu, ' ');
        if (json) tellRecord('error', line.replace(/^error: /u, ''));
        else tell(line.replace(/^error:/u, 'signalbox:'));
      },
    })
    .addHelpText('after', '\nExample:\n  signalbox machine VirtualMachine --format table')
    .exitOverride()
    .showSuggestionAfterError();
  for (const command of await loadCommands(args)) {
    inheritSettings(command, program);
    requireOptionsLate(command);
    program.addCommand(command);
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    // Commander has printed its message, or the help that was asked for.
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? 0 : 2;
    }
    reportError(error, { debug: args.includes('--debug'), json });
    return exitCodeOf(error);
  }
}

/** Whether the command's standard error is a log of JSON records, for programs: its last error must be one too. */
function logsJson(args: readonly string[]): boolean {
  return commandOf(args) === 'relay' && args.includes('--json');
}

function commandOf(args: readonly string[]): string {
  return args.find((each) => !each.startsWith('-')) ?? '';
}

/** The one that is run; all of them for the help, and for what is none, to suggest the nearest. */
async function loadCommands(args: readonly string[]): Promise<readonly Command[]> {
  const name = commandOf(args);
  const wanted = Object.hasOwn(commands, name) ? [commands[name]] : Object.values(commands);
  return Promise.all(wanted.flatMap((load) => load?.() ?? []));
}

/** Commands made apart do not inherit by themselves, and end the process on a mistake. */
function inheritSettings(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(child, command);
}

/**
 * Commander looks for an option that is missing before one that it does not know, which may be the same
 * one, misspelt. A hook runs after both the options and the arguments were looked at.
 */
function requireOptionsLate(command: Command): void {
  const required = command.options.filter(({ mandatory }) => mandatory);
  for (const option of required) option.makeOptionMandatory(false);
  command.hook('preAction', () => {
    const missing = required.find(
      (option) => command.getOptionValue(option.attributeName()) === undefined,
    );
    if (missing !== undefined)
      command.error(`error: required option '${missing.flags}' not specified`);
  });
  command.commands.forEach(requireOptionsLate);
}
