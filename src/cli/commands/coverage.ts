import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { machines } from '../../../machines/index.js';
import { svg } from '../../tools/diagram/svg.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { hitsKey, type CoverageHits } from '../../testing/coverage/coverage-hits.js';
import { coverageKinds } from '../../testing/coverage/coverage-items.js';
import { coverageLcov, type CoverageFile } from '../../testing/coverage/coverage-lcov.js';
import {
  coverageHighlights,
  coverageReport,
  coverageShortfalls,
  type CoverageReport,
  type CoverageThresholds,
} from '../../testing/coverage/coverage-report.js';
import { coverageText } from '../../testing/coverage/coverage-text.js';
import { readCoverage } from '../../testing/coverage/record-coverage.js';
import { loadLifecycles } from '../load-lifecycle.js';
import { repeated } from '../option-values.js';
import { tell } from '../tell.js';

type Format = 'text' | 'json' | 'lcov' | 'svg';

interface CoverageFlags extends CoverageThresholds {
  readonly lifecycle?: readonly string[];
  readonly format: Format;
  readonly output?: string;
}

/** `signalbox coverage`: adds up what test files exercised, and fails a run below its thresholds. */
export function coverageCommand(): Command {
  const command = new Command('coverage')
    .description('Tell which states, transitions, guards and refusals the tests exercised.')
    .argument('<directory>', 'where recordCoverage() wrote')
    .option(
      '-l, --lifecycle <lifecycle>',
      'a built-in resource or the path of a file; may be repeated; default the built-in ones that were exercised',
      repeated,
    )
    .addOption(
      new Option('--format <format>', 'how to write the report; lcov and svg need --output')
        .choices(['text', 'json', 'lcov', 'svg'])
        .default('text'),
    )
    .option('-o, --output <directory>', 'where lcov and svg write their files');
  for (const kind of coverageKinds) {
    command.option(`--${kind} <percent>`, `fail below so many percent of ${kind}`, percentage);
  }
  return command
    .addHelpText(
      'after',
      '\nExit code: 0 all thresholds reached, 1 below one, 2 the input cannot be read.\n\nExample:\n  signalbox coverage coverage/lifecycles --lifecycle Volume --transitions 100',
    )
    .action(async (directory: string, { lifecycle, format, output, ...flags }: CoverageFlags) => {
      if (!existsSync(directory)) throw invalid(`There is no folder ${directory}.`, 'directory');
      const hits = readCoverage(directory);
      const lifecycles = await chosen(lifecycle, hits, directory);
      const report = coverageReport(lifecycles, hits);
      if (format === 'text') process.stdout.write(`${coverageText(report)}\n`);
      else if (format === 'json') process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
      else writeFiles(await files[format](lifecycles, report), output);
      for (const { resource, kind, percent, threshold } of coverageShortfalls(report, flags)) {
        tell(`${resource}: ${Math.floor(percent)} % of ${kind} exercised, below ${threshold} %.`);
        process.exitCode = 1;
      }
    });
}

const files: Readonly<
  Record<
    'lcov' | 'svg',
    (
      lifecycles: readonly AnyLifecycle[],
      report: CoverageReport,
    ) => Promise<readonly CoverageFile[]>
  >
> = {
  lcov: async (_, report) => coverageLcov(report),
  svg: (lifecycles, report) =>
    Promise.all(
      lifecycles.map(async (lifecycle) => ({
        name: `${lifecycle.resource.replaceAll(/[^\p{L}\p{N}_-]/gu, '_')}.svg`,
        text: await svg(lifecycle, {
          highlight: coverageHighlights(lifecycle, report).transitions,
        }),
      })),
    ),
};

async function chosen(
  names: readonly string[] | undefined,
  hits: CoverageHits,
  directory: string,
): Promise<readonly AnyLifecycle[]> {
  if (names !== undefined) return (await Promise.all(names.map(loadLifecycles))).flat();
  const exercised = machines.filter((lifecycle) => Object.hasOwn(hits, hitsKey(lifecycle)));
  if (exercised.length > 0) return exercised;
  throw invalid(
    `No fragment in ${directory} tells of a built-in lifecycle. Check the directory, or name yours with --lifecycle.`,
    'directory',
  );
}

function writeFiles(written: readonly CoverageFile[], directory: string | undefined): void {
  if (directory === undefined) {
    throw invalid('This format writes several files: give a directory with --output.', 'output');
  }
  mkdirSync(directory, { recursive: true });
  for (const { name, text } of written) writeFileSync(join(directory, name), text);
}

function invalid(message: string, argument: string): ConfigurationError {
  return new ConfigurationError('ARGUMENT_INVALID', message, { parameters: { argument } });
}

function percentage(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 100)) {
    throw new InvalidArgumentError('Give a percentage from 0 to 100.');
  }
  return value;
}
