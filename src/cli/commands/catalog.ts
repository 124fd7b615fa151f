import { Argument, Command, Option } from 'commander';
import { machines } from '../../../machines/index.js';
import { asyncApi } from '../../tools/catalog/async-api.js';
import { catalogMarkdown } from '../../tools/catalog/catalog-markdown.js';
import type { Catalog } from '../../tools/catalog/catalog.js';
import { compareContracts } from '../../tools/catalog/compare-contracts.js';
import { contractChangeText } from '../../tools/catalog/contract-change-text.js';
import { contractOf, readContract, type Contract } from '../../tools/catalog/contract.js';
import { createCatalog } from '../../tools/catalog/create-catalog.js';
import { jsonSchemaDocument } from '../../tools/catalog/json-schema-document.js';
import { typeScript } from '../../tools/catalog/type-script.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { loadLifecycles } from '../load-lifecycle.js';
import { readText } from '../read-text.js';
import { writeOutput } from '../write-output.js';

type Format = 'asyncapi' | 'jsonschema' | 'markdown' | 'typescript';

interface CatalogFlags {
  readonly format: Format;
  readonly output?: string;
  readonly against?: string;
}

/** `signalbox catalog`: every event that lifecycles can announce, or what changed since. */
export function catalogCommand(): Command {
  return new Command('catalog')
    .description('Print every event that lifecycles can announce: channel, schema, example.')
    .addArgument(
      new Argument('[lifecycles...]', 'built-in resources or files; default the built-in ones'),
    )
    .addOption(
      new Option('--format <format>', 'how to print it')
        .choices(['asyncapi', 'jsonschema', 'markdown', 'typescript'])
        .default('asyncapi'),
    )
    .option('-o, --output <file>', 'write to a file; with --against only when nothing breaks')
    .option(
      '--against <file>',
      'compare with an earlier asyncapi or jsonschema catalog, and exit with 1 when a change breaks consumers',
    )
    .addHelpText(
      'after',
      '\nExample:\n  signalbox catalog VirtualMachine Volume --format asyncapi -o events.json\n  signalbox catalog VirtualMachine Volume --against events.json',
    )
    .action(async (names: string[], { format, output, against }: CatalogFlags) => {
      const before = against === undefined ? undefined : await contractIn(against);
      const lifecycles =
        names.length === 0 ? machines : (await Promise.all(names.map(loadLifecycles))).flat();
      const catalog = createCatalog(lifecycles);
      if (before !== undefined && !compare(before, catalog)) return;
      // The changes are on the standard output already.
      if (before !== undefined && output === undefined) return;
      await writeOutput(renderers[format](catalog), output);
    });
}

const renderers: Readonly<Record<Format, (catalog: Catalog) => string>> = {
  asyncapi: (catalog) => `${JSON.stringify(asyncApi(catalog), null, 2)}\n`,
  jsonschema: (catalog) => `${JSON.stringify(jsonSchemaDocument(catalog), null, 2)}\n`,
  markdown: catalogMarkdown,
  typescript: typeScript,
};

/** Prints the changes; false, and the exit code is 1, when one breaks consumers. */
function compare(before: Contract, catalog: Catalog): boolean {
  const changes = compareContracts(before, contractOf(catalog));
  process.stdout.write(`${contractChangeText(changes)}\n`);
  const compatible = !changes.some(({ breaking }) => breaking);
  if (!compatible) process.exitCode = 1;
  return compatible;
}

async function contractIn(file: string): Promise<Contract> {
  const text = await readText(file);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new ConfigurationError('ARGUMENT_INVALID', `${file} is not JSON.`, {
      parameters: { file },
      cause,
    });
  }
  return readContract(document);
}
