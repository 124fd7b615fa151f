import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Argument, Command } from 'commander';
import { machines } from '../../../machines/index.js';
import { generatedMark, lifecyclePage } from '../../tools/diagram/lifecycle-page.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { markdownText } from '../../tools/markdown/markdown.js';
import { echo } from '../echo.js';
import { loadLifecycles } from '../load-lifecycle.js';
import { tell } from '../tell.js';
import { writeOutput } from '../write-output.js';

interface DocsFlags {
  readonly output: string;
  readonly check?: boolean;
}

interface Page {
  readonly file: string;
  readonly text: string;
}

/** `signalbox docs`: a page for each lifecycle, and the check that committed pages are those. */
export function docsCommand(): Command {
  return new Command('docs')
    .description(
      'Write a Markdown page for each lifecycle, or check that the pages are up to date.',
    )
    .addArgument(
      new Argument('[lifecycles...]', 'built-in resources or files; default the built-in ones'),
    )
    .option('-o, --output <folder>', 'where the pages are', 'docs/lifecycles')
    .option('--check', 'write nothing; exit with 1 when a page differs')
    .addHelpText('after', '\nExample:\n  signalbox docs src/volume.ts -o docs/lifecycles --check')
    .action(async (names: readonly string[], { output, check }: DocsFlags) => {
      const lifecycles =
        names.length === 0 ? machines : (await Promise.all(names.map(loadLifecycles))).flat();
      const pages = pagesOf(lifecycles);
      if (check === true) {
        await checkPages(pages, output);
        return;
      }
      await makeFolder(output);
      for (const { file, text } of pages) await writeOutput(text, join(output, file));
      process.stdout.write(`${echo(output)}: ${pages.length} pages written\n`);
      for (const file of await leftOver(pages, output)) {
        tell(`${join(output, file)}: no lifecycle writes this page any more`);
      }
    });
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const because = (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new ConfigurationError(
      'ARGUMENT_INVALID',
      `The folder ${folder} cannot be made (${because}).`,
      { parameters: { folder }, cause },
    );
  }
}

function pagesOf(lifecycles: readonly AnyLifecycle[]): readonly Page[] {
  const pages = lifecycles.map((lifecycle) => ({
    file: `${fileNameOf(lifecycle.resource)}.md`,
    text: lifecyclePage(lifecycle),
  }));
  const twice = pages.find(
    ({ file }, index) => pages.findIndex((page) => page.file === file) < index,
  );
  if (twice !== undefined) {
    throw new ConfigurationError(
      'ARGUMENT_INVALID',
      `Two of the lifecycles would be written to ${twice.file}. Give each resource once.`,
      { parameters: { file: twice.file } },
    );
  }
  const links = lifecycles.map(
    ({ resource, version, states, transitions }, index) =>
      `- [${markdownText(resource)}](${pages[index]?.file ?? ''}), version ${version}: ${states.length} states, ${transitions.length} transitions`,
  );
  const index = ['', '# Lifecycles', '', ...links, ''].join('\n');
  return [{ file: 'README.md', text: `${generatedMark}\n${index}` }, ...pages];
}

/** `VirtualMachine` becomes `virtual-machine`; what no file system likes becomes a hyphen. */
function fileNameOf(resource: string): string {
  const words = resource
    .replaceAll(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})/gu, '-')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-|-$/gu, '');
  return words === '' || words === 'readme' ? `lifecycle-${words}` : words;
}

async function checkPages(pages: readonly Page[], folder: string): Promise<void> {
  const differing: string[] = [];
  for (const { file, text } of pages) {
    const present = await readFile(join(folder, file), 'utf8').catch(() => undefined);
    // A checkout may have made the line ends those of Windows.
    if (present?.replaceAll('\r\n', '\n') !== text) {
      differing.push(`${join(folder, file)} ${present === undefined ? 'is missing' : 'differs'}`);
    }
  }
  for (const file of await leftOver(pages, folder)) {
    differing.push(`${join(folder, file)} is of no lifecycle`);
  }
  if (differing.length === 0) {
    process.stdout.write(`${echo(folder)}: ${pages.length} pages are up to date\n`);
    return;
  }
  tell(`${differing.join('\n')}\nWrite them again with \`signalbox docs\`.`);
  process.exitCode = 1;
}

async function leftOver(pages: readonly Page[], folder: string): Promise<readonly string[]> {
  const files = await readdir(folder).catch(() => []);
  const others = files.filter(
    (file) => file.endsWith('.md') && !pages.some((page) => page.file === file),
  );
  const texts = await Promise.all(others.map((file) => readFile(join(folder, file), 'utf8')));
  return others.filter((_, index) => texts[index]?.startsWith(generatedMark) === true);
}
