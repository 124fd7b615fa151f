import { isAbsolute, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, Option } from 'commander';
import { builtInChecks } from '../../../machines/checks.js';
import type { LifecycleCheck } from '../../tools/check/define-check.js';
import { checkLifecycle, type CheckReport } from '../../tools/check/check-lifecycle.js';
import { lineFinder } from '../../tools/check/line-finder.js';
import { checkMarkdown } from '../../tools/check/report-markdown.js';
import { checkSarif, type LocatedReport } from '../../tools/check/report-sarif.js';
import { checkText } from '../../tools/check/report-text.js';
import { loadChecks, type LoadedCheck } from '../load-checks.js';
import { packageManifest, packageVersion } from '../package-version.js';
import { reportRefused } from '../refused-lifecycle.js';
import { writeOutput } from '../write-output.js';

type Format = 'text' | 'json' | 'markdown' | 'sarif';

interface CheckFlags {
  readonly format: Format;
  readonly output?: string;
  readonly strict?: boolean;
  readonly root: string;
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
    .option(
      '--root <folder>',
      'the root of the repository, which places in SARIF are relative to',
      '.',
    )
    .addHelpText(
      'after',
      '\nExit code: 0 no error found, 1 errors, 2 the input cannot be read.\n\nExample:\n  signalbox check VirtualMachine Volume --format text',
    )
    .action(async (files: string[], { format, output, strict, root }: CheckFlags) => {
      const loaded: readonly LoadedCheck[] =
        files.length === 0
          ? builtInChecks.map((check) => ({ check }))
          : (await Promise.all(files.map(loadChecks))).flat();
      const reports = loaded.map((each) => reportOf(each, root));
      await writeOutput(renderers[format](reports), output);
      const failing = reports
        .flatMap(({ findings }) => findings)
        .some(({ severity }) => severity === 'error' || strict === true);
      if (failing) process.exitCode = 1;
    });
}

function reportOf({ check, file, source }: LoadedCheck, root: string): LocatedReport {
  return {
    ...(check.kind === 'RefusedLifecycle' ? reportRefused(check) : reportChecked(check)),
    // A code host refuses a whole log for one result without a file: that of a built-in lifecycle is the
    // manifest of this package.
    file: uriOf(file ?? packageManifest(), root),
    ...(source === undefined ? {} : { lineOf: lineFinder(source) }),
  };
}

function reportChecked(check: LifecycleCheck): CheckReport {
  return checkLifecycle(check.lifecycle, check);
}

/** Relative to the root, with `/` between folders; the URL of a file that lies outside of it. */
function uriOf(file: string, root: string): string {
  const path = relative(resolve(root), resolve(file));
  return path.startsWith('..') || isAbsolute(path)
    ? pathToFileURL(resolve(file)).href
    : path.split(sep).map(encodeURIComponent).join('/');
}

const renderers: Readonly<Record<Format, (reports: readonly LocatedReport[]) => string>> = {
  text: (reports) => `${checkText(reports)}\n`,
  // A function is left out of JSON by itself.
  json: (reports) => `${JSON.stringify(reports, null, 2)}\n`,
  markdown: checkMarkdown,
  sarif: (reports) => `${JSON.stringify(checkSarif(reports, packageVersion()), null, 2)}\n`,
};
