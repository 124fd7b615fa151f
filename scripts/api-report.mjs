// Writes what users can name to `api/<entry>.api.md`, one report for each entry point of package.json, from the
// declarations in `build/` (run `npm run build` first). `--check` compares instead of writing.
//
// Fails when a type that users reach is exported by no entry point: they could not name it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = resolve(import.meta.dirname, '..');
const { values } = parseArgs({
  options: { check: { type: 'boolean' }, write: { type: 'boolean' } },
});
const temporary = mkdtempSync(join(tmpdir(), 'signalbox-api-'));

/**
 * Helpers of conditional types: users get what they compute, and write none of them. Everything else that
 * users reach must be exported.
 */
const computations = new Set([
  'ArgumentsDecorator',
  'Fires',
  'PayloadDecorator',
  'ResultDecorator',
  'TakingFirst',
  'AnyMethod',
  'ArgsOf',
  'Matches',
  'MatchesWords',
  'Words',
  'CheckedFilter',
  'CheckedSelection',
  'Declared',
  'EventName',
  'MachineContext',
  'MachineEvent',
  'MachineState',
  'StateName',
  // The section `service` of a configuration file is read from its schema.
  'service',
  'FromProperties',
  'FromTypeName',
  'JsonTypeName',
]);

/** The entry points that have declarations: `[name, path below build/]`. */
function entryPoints() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return Object.entries(exports).flatMap(([subpath, { types }]) =>
    types === undefined
      ? []
      : [[subpath === '.' ? 'signalbox' : subpath.slice(2), types.slice('./dist/types/'.length)]],
  );
}

/** The report of one entry point, and the names that it reaches but does not export. */
function extract([name, types]) {
  const forgotten = [];
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, 'build', types),
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: temporary,
        reportTempFolder: join(temporary, 'tmp'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      compiler: { tsconfigFilePath: join(root, 'tsconfig.build.json') },
      messages: {
        extractorMessageReporting: {
          default: { logLevel: 'none' },
          'ae-forgotten-export': { logLevel: 'warning' },
        },
      },
    },
    packageJsonFullPath: join(root, 'package.json'),
  });
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      message.handled = true;
      const symbol = /symbol "([^"]+)"/.exec(message.text)?.[1];
      // The extractor numbers names that two modules share.
      if (message.messageId === 'ae-forgotten-export') forgotten.push(symbol.replace(/_\d+$/, ''));
    },
  });
  const report = readFileSync(join(temporary, `${name}.api.md`), 'utf8').replaceAll('\r\n', '\n');
  return { name, report: report.replace(unions, sorted), forgotten };
}

/** Unions of string literals: the compiler writes them in the order in which it met the literals. */
const unions = /"[^"\n]*"(?: \| "[^"\n]*")+/g;

function sorted(union) {
  return union.split(' | ').toSorted().join(' | ');
}

const exported =
  /^export (?:declare |abstract )*(?:function|class|interface|type|const|let|enum) (\w+)/gm;

try {
  const extracted = entryPoints().map(extract);
  const names = extracted.map(({ report }) => [...report.matchAll(exported)].map(([, n]) => n));
  const known = new Set(names.flat());
  const unnamed = extracted.flatMap(({ name, forgotten }) =>
    forgotten
      .filter((symbol) => !known.has(symbol) && !computations.has(symbol))
      .map((symbol) => `${symbol} (in ${name})`),
  );
  const stale = [];
  for (const { name, report } of extracted) {
    const path = join(root, 'api', `${name}.api.md`);
    if (values.check !== true) writeFileSync(path, report);
    else if (read(path) !== report) stale.push(`api/${name}.api.md`);
  }
  if (unnamed.length > 0)
    console.error(`Users reach these and cannot name them:\n  ${unnamed.join('\n  ')}`);
  if (stale.length > 0)
    console.error(
      `The public API differs from its report: ${stale.join(', ')}.\n` +
        'If that is on purpose, run `npm run build && node scripts/api-report.mjs --write`.',
    );
  console.log(`${names.flat().length} public names, ${names[0].length} of them in the root`);
  process.exitCode = unnamed.length + stale.length > 0 ? 1 : 0;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
