import { Command, CommanderError } from 'commander';
import { checkCommand } from './commands/check.js';
import { catalogCommand } from './commands/catalog.js';
import { coverageCommand } from './commands/coverage.js';
import { deadLettersCommand } from './commands/dead-letters.js';
import { demoCommand } from './commands/demo.js';
import { diagramCommand } from './commands/diagram.js';
import { diffCommand } from './commands/diff.js';
import { docsCommand } from './commands/docs.js';
import { explainCommand } from './commands/explain.js';
import { machineCommand } from './commands/machine.js';
import { migrateCommand } from './commands/migrate.js';
import { outboxCommand } from './commands/outbox.js';
import { planCommand } from './commands/plan.js';
import { relayCommand } from './commands/relay.js';
import { replayCommand } from './commands/replay.js';
import { tailCommand } from './commands/tail.js';
import { traceCommand } from './commands/trace.js';
import { packageVersion } from './package-version.js';
import { exitCodeOf, reportError } from './report-error.js';

/**
 * Runs the command line and resolves with the exit code: 0 done, 1 a server is away or something
 * unexpected happened, 2 the arguments, the configuration or the request are wrong. Never rejects,
 * and never prints a stack trace without `--debug`.
 */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('signalbox')
    .description('Lawful transitions, every one announced.')
    .version(packageVersion())
    .option('--debug', 'print stack traces of errors')
    .configureHelp({ showGlobalOptions: true })
    // One line, as of every other error: commander sets its suggestion on a second.
    .configureOutput({
      outputError: (text, write) =>
        write(
          `${text
            .trim()
            .replace(/^error:/u, 'signalbox:')
            .replaceAll(/\s*\n\s*/gu, ' ')}\n`,
        ),
    })
    .addHelpText('after', '\nExample:\n  signalbox machine VirtualMachine --format table')
    .exitOverride()
    .showSuggestionAfterError();
  const commands = [
    demoCommand(),
    machineCommand(),
    diagramCommand(),
    docsCommand(),
    diffCommand(),
    explainCommand(),
    planCommand(),
    checkCommand(),
    coverageCommand(),
    migrateCommand(),
    relayCommand(),
    outboxCommand(),
    deadLettersCommand(),
    replayCommand(),
    tailCommand(),
    traceCommand(),
    catalogCommand(),
  ];
  for (const command of commands) {
    inheritSettings(command, program);
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
    reportError(error, { debug: args.includes('--debug') });
    return exitCodeOf(error);
  }
}

/** Commands made apart do not inherit by themselves, and end the process on a mistake. */
function inheritSettings(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inheritSettings(child, command);
}
