import { Argument, Command, Option } from 'commander';
import { diagram, diagramFormats, type DiagramFormat } from '../../tools/diagram/render.js';
import { png } from '../../tools/diagram/png.js';
import { wholeNumber } from '../option-values.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { loadLifecycle } from '../load-lifecycle.js';
import {
  pictureOptions,
  withHighlightOption,
  withPictureOptions,
  type PictureFlags,
} from '../picture-options.js';
import { writeOutput } from '../write-output.js';

interface DiagramFlags extends PictureFlags {
  readonly format: DiagramFormat | 'png';
  readonly scale: number;
  readonly output?: string;
}

/** `signalbox diagram`: draws a lifecycle. */
export function diagramCommand(): Command {
  const command = new Command('diagram')
    .description('Draw a lifecycle; as SCXML or XState JSON, write it down for other tools.')
    .addArgument(new Argument('<lifecycle>', 'a built-in resource, or the path of a file'))
    .addOption(
      new Option('--format <format>', 'what to write')
        .choices([...diagramFormats, 'png'])
        .default('mermaid'),
    )
    .option('--scale <n>', 'pixels of a PNG for one of the SVG', wholeNumber, 2)
    .option('-o, --output <file>', 'where to write it; default standard output');
  return withHighlightOption(withPictureOptions(command))
    .addHelpText(
      'after',
      '\nSVG needs the package @hpcc-js/wasm-graphviz, PNG @resvg/resvg-js besides; text is for the terminal.\n\nExample:\n  signalbox diagram Volume --format svg --theme dark -o volume.svg',
    )
    .action(async (name: string, flags: DiagramFlags) => {
      const lifecycle = await loadLifecycle(name);
      const { format, scale, output } = flags;
      const look = pictureOptions(flags);
      if (format === 'png' && output === undefined && process.stdout.isTTY) {
        throw new ConfigurationError(
          'ARGUMENT_INVALID',
          'A PNG is not written to a terminal. Name a file with -o.',
          { parameters: { argument: 'output' } },
        );
      }
      await writeOutput(
        format === 'png'
          ? await png(lifecycle, { ...look, scale })
          : await diagram(lifecycle, format, look),
        output,
      );
    });
}
