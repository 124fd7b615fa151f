import { Command, InvalidArgumentError, Option } from 'commander';
import { machines } from '../../../machines/index.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { traceCheck } from '../../tools/trace/trace-check.js';
import { traceMarkdown } from '../../tools/trace/trace-markdown.js';
import type { TraceReport } from '../../tools/trace/trace-report.js';
import { traceText } from '../../tools/trace/trace-text.js';
import { loadLifecycle } from '../load-lifecycle.js';
import { parseDuration } from '../parse-duration.js';
import { withDatabaseOptions } from '../database-options.js';
import { type CommonFlags, settingsOf } from '../settings.js';
import type { PlacedEvent } from '../trace-source.js';

type Format = 'text' | 'json' | 'markdown';

interface CheckFlags extends CommonFlags {
  readonly lifecycle: readonly string[];
  readonly format: Format;
  readonly maxDwell: Readonly<Record<string, number>>;
  readonly tolerance: number;
  readonly exactVersion?: boolean;
  readonly complete?: boolean;
  readonly ignoreOthers?: boolean;
  readonly maxFaults: number;
}

/** `signalbox trace`: recorded events against lifecycles. */
export function traceCommand(): Command {
  return new Command('trace')
    .description('Look at recorded events.')
    .addCommand(checkCommand())
    .addHelpText(
      'after',
      '\nExample:\n  signalbox trace check --lifecycle VirtualMachine journal.jsonl',
    );
}

function checkCommand(): Command {
  return withDatabaseOptions(
    new Command('check').description(
      'Check recorded transitions against lifecycles: this version or the next.',
    ),
    'read the journal of a database instead of files',
  )
    .argument('[files...]', 'JSON lines of events; - is the standard input')
    .option(
      '--lifecycle <name[=file]>',
      'a built-in resource, a file that exports one, or both to try another version; may be given again; default the built-in ones',
      (text: string, all: readonly string[]) => [...all, text],
      [],
    )
    .option('--application <name>', 'whose journal; needed where several share the database')
    .option('--config <file>', 'configuration file')
    .addOption(
      new Option('--format <format>', 'how to print the report')
        .choices(['text', 'json', 'markdown'])
        .default('text'),
    )
    .option(
      '--max-dwell <state=duration>',
      'the longest stay in a state, such as Creating=10min or Volume.Creating=10min; may be given again',
      addDwell,
      {},
    )
    .option(
      '--tolerance <duration>',
      'how long a deadline may be overstayed',
      parseDuration,
      60_000,
    )
    .option('--exact-version', 'any other version of a lifecycle than the given one is a fault')
    .option('--complete', 'a life that does not begin with its creation is a fault')
    .option('--ignore-others', 'resource types without a lifecycle are no fault')
    .option('--max-faults <n>', 'faults of each code to list', wholeNumber, 100)
    .addHelpText(
      'after',
      '\nExit code: 0 no fault, 1 faults, 2 the input cannot be read.\n\nExample:\n  signalbox trace check --lifecycle VirtualMachine=next/virtual-machine.ts --ignore-others journal.jsonl',
    )
    .action(async (files: string[], flags: CheckFlags) => {
      const { lifecycle: names, format, maxDwell, tolerance, maxFaults } = flags;
      const { exactVersion, complete, ignoreOthers } = flags;
      const lifecycles =
        names.length === 0 ? machines : await Promise.all(names.map(loadLifecycle));
      const check = traceCheck(lifecycles, {
        maxDwell,
        tolerance,
        maxFaults,
        ...(exactVersion === undefined ? {} : { exactVersion }),
        ...(complete === undefined ? {} : { complete }),
        ...(ignoreOthers === undefined ? {} : { ignoreOthers }),
      });
      for await (const { event, place } of await source(files, flags)) check.add(event, place);
      const report = check.report();
      process.stdout.write(renderers[format](report));
      if (!report.lawful) process.exitCode = 1;
    });
}

const renderers: Readonly<Record<Format, (report: TraceReport) => string>> = {
  text: (report) => `${traceText(report)}\n`,
  json: (report) => `${JSON.stringify(report, null, 2)}\n`,
  markdown: traceMarkdown,
};

async function source(
  files: readonly string[],
  flags: CommonFlags,
): Promise<AsyncIterable<PlacedEvent>> {
  // Loads the schema checker, which other commands can do without.
  const { eventsOfFiles, eventsOfJournal } = await import('../trace-source.js');
  if (files.length > 0) {
    if (flags.database !== undefined) throw invalid('Give files or --database, not both.');
    return eventsOfFiles(files);
  }
  const settings = await settingsOf(flags);
  const { database } = settings;
  if (database === undefined) {
    throw invalid('Give a file, - for the standard input, or --database.');
  }
  return eventsOfJournal({ ...settings, database });
}

function addDwell(
  text: string,
  all: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  // The state of parallel regions may hold any character but ends before the last '='.
  const split = text.lastIndexOf('=');
  if (split < 1) throw new InvalidArgumentError('Give a state and a duration: Creating=10min.');
  return { ...all, [text.slice(0, split)]: parseDuration(text.slice(split + 1)) };
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('Give a whole number of at least 0.');
  }
  return value;
}

function invalid(message: string): ConfigurationError {
  return new ConfigurationError('ARGUMENT_INVALID', message);
}
