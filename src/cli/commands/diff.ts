import { Argument, Command, Option } from 'commander';
import { diffDiagram } from '../../tools/diagram/diff-diagram.js';
import { diffMarkdown, diffText } from '../../tools/diagram/diff-report.js';
import {
  diffLifecycles,
  isAtLeast,
  type LifecycleDiff,
} from '../../tools/diagram/lifecycle-diff.js';
import type { ChangeClass } from '../../tools/diagram/lifecycle-change.js';
import { pictureFormats, type PictureFormat } from '../../tools/diagram/render.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { loadDescription } from '../load-description.js';
import { pictureOptions, withPictureOptions, type PictureFlags } from '../picture-options.js';
import { writeOutput } from '../write-output.js';

type Format = 'text' | 'markdown' | 'json' | PictureFormat;

interface DiffFlags extends PictureFlags {
  readonly format: Format;
  readonly output?: string;
  readonly failOn?: ChangeClass;
}

/** `signalbox diff`: what changed between two versions of a lifecycle. */
export function diffCommand(): Command {
  const source = 'a built-in resource, the path of a file, or JSON from `signalbox machine`';
  const command = new Command('diff')
    .description(
      'Tell and draw what changed between two versions of a lifecycle, and what it asks for.',
    )
    .addArgument(new Argument('<old>', source))
    .addArgument(new Argument('<new>', source))
    .addOption(
      new Option('--format <format>', 'what to write')
        .choices(['text', 'markdown', 'json', ...pictureFormats])
        .default('text'),
    )
    .option('-o, --output <file>', 'where to write it; default standard output')
    .addOption(
      new Option(
        '--fail-on <class>',
        'exit with 1 when a change is of this class or graver',
      ).choices(['compatible', 'migration', 'breaking']),
    );
  return withPictureOptions(command)
    .addHelpText(
      'after',
      '\nExample:\n  signalbox machine Volume --format json > volume-1.json\n  signalbox diff volume-1.json Volume --fail-on breaking',
    )
    .action(async (before: string, after: string, flags: DiffFlags) => {
      const [from, to] = [await loadDescription(before), await loadDescription(after)];
      if (from.resource !== to.resource) {
        throw new ConfigurationError(
          'ARGUMENT_INVALID',
          `${from.resource} and ${to.resource} are two resources. Give two versions of one.`,
          { parameters: { old: from.resource, new: to.resource } },
        );
      }
      const diff = diffLifecycles(from, to);
      await writeOutput(await render(diff, flags), flags.output);
      const { failOn } = flags;
      if (failOn !== undefined && diff.changes.length > 0 && isAtLeast(diff.class, failOn)) {
        process.exitCode = 1;
      }
    });
}

async function render(diff: LifecycleDiff, flags: DiffFlags): Promise<string> {
  const { format } = flags;
  switch (format) {
    case 'text':
      return diffText(diff);
    case 'markdown':
      return diffMarkdown(diff);
    case 'json': {
      const { resource, from, to, class: found, changes } = diff;
      const report = { resource, from: from.version, to: to.version, class: found, changes };
      return `${JSON.stringify(report, null, 2)}\n`;
    }
    default:
      return diffDiagram(diff, format, pictureOptions(flags));
  }
}
