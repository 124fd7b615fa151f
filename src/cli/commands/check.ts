import { Command, Option } from 'commander';
import { builtInChecks } from '../../../machines/checks.js';
import { checkLifecycle } from '../../tools/check/check-lifecycle.js';
import { lineFinder } from '../../tools/check/line-finder.js';
import { checkMarkdown } from '../../tools/check/report-markdown.js';
import { checkSarif, type LocatedReport } from '../../tools/check/report-sarif.js';
import { checkText } from '../../tools/check/report-text.js';
import { loadChecks, type LoadedCheck } from '../load-checks.js';
import { packageVersion } from '../package-version.js';
import { writeOutput } from '../write-output.js';

type Format = 'text' | 'json' | 'markdown' | 'sarif';

interface CheckFlags {
  readonly format: Format;
  readonly output?: string;
  readonly strict?: boolean;
}

/** `signalbox check`: verifies lifecycles and fails a build that has errors. */
export function checkCommand(): Command {
  return new Command('check')
    .description(
      'Check lifecycles over every path: dead ends, guards, usage meters, your own rules.',
    )
    .argument(
      '[files...]',
      'files that export a lifecycle or a defineCheck(), JSON declarations, built-in resources; default the built-in ones',
    )
    .addOption(
      new Option('--format <format>', 'how to print the report')
        .choices(['text', 'json', 'markdown', 'sarif'])
        .default('text'),
    )
    .option('-o, --output <file>', 'write the report to a file')
    .option('--strict', 'warnings fail too')
    .addHelpText(
      'after',
      '\nExit code: 0 no error found, 1 errors, 2 the input cannot be read.\n\nExample:\n  signalbox check VirtualMachine Volume --format text',
    )
    .action(async (files: string[], { format, output, strict }: CheckFlags) => {
      const loaded: readonly LoadedCheck[] =
        files.length === 0
          ? builtInChecks.map((check) => ({ check }))
          : (await Promise.all(files.map(loadChecks))).flat();
      const reports = loaded.map(reportOf);
      await writeOutput(renderers[format](reports), output);
      const failing = reports
        .flatMap(({ findings }) => findings)
        .some(({ severity }) => severity === 'error' || strict === true);
      if (failing) process.exitCode = 1;
    });
}

function reportOf({ check, file, source }: LoadedCheck): LocatedReport {
  const { lifecycle, kind: _, ...options } = check;
  const report = checkLifecycle(lifecycle, options);
  return {
    ...report,
    ...(file === undefined ? {} : { file }),
    ...(source === undefined ? {} : { lineOf: lineFinder(source) }),
  };
}

const renderers: Readonly<Record<Format, (reports: readonly LocatedReport[]) => string>> = {
  text: (reports) => `${checkText(reports)}\n`,
  // A function is left out of JSON by itself.
  json: (reports) => `${JSON.stringify(reports, null, 2)}\n`,
  markdown: checkMarkdown,
  sarif: (reports) => `${JSON.stringify(checkSarif(reports, packageVersion()), null, 2)}\n`,
};
