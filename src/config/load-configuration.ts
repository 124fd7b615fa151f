import { access, readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { ConfigurationError } from '../core/errors/errors.js';
import { nearestName } from '../core/errors/nearest-name.js';
import type { Configuration } from './configuration.js';
import { importModule } from './import-module.js';
import { validateConfiguration } from './validate-configuration.js';

const fileNames = ['signalbox.config.ts', 'signalbox.config.js', 'signalbox.config.json'];

/**
 * Reads the configuration of a directory: the file, overridden by the environment
 * (`SIGNALBOX_DATABASE`, `SIGNALBOX_BUS` with commas between several, `SIGNALBOX_SOURCE` and so on). Throws
 * ConfigurationError that names the key. A missing file is no error unless it was named.
 *
 * @param options.file A file to read instead of searching the directory.
 */
export async function loadConfiguration(
  options: {
    readonly directory?: string;
    readonly file?: string | undefined;
    readonly environment?: Readonly<Record<string, string | undefined>>;
  } = {},
): Promise<Configuration> {
  const { directory = process.cwd(), file, environment = process.env } = options;
  const fromFile = await readConfigurationFile(directory, file);
  return { ...fromFile, ...readEnvironment(environment) };
}

async function readConfigurationFile(
  directory: string,
  file: string | undefined,
): Promise<Configuration> {
  if (file !== undefined) {
    const path = resolve(directory, file);
    if (!(await exists(path))) {
      throw new ConfigurationError('CONFIG_FILE_INVALID', `There is no file ${file}.`, {
        parameters: { file },
      });
    }
    return validateConfiguration(await importFile(path, file), file);
  }
  for (const name of fileNames) {
    const path = resolve(directory, name);
    if (await exists(path)) {
      return validateConfiguration(await importFile(path, name), name);
    }
  }
  return {};
}

async function importFile(path: string, name: string): Promise<unknown> {
  try {
    if (extname(path) === '.json') {
      return JSON.parse(await readFile(path, 'utf8')) as unknown;
    }
    const { default: exported } = await importModule(path);
    return exported;
  } catch (cause) {
    // The parser of JSON quotes what it stumbled over, which may be a password.
    const quotes = extname(path) === '.json';
    const because = quotes
      ? 'it is not valid JSON'
      : cause instanceof Error
        ? cause.message.split('\n', 1)[0]
        : String(cause);
    throw new ConfigurationError('CONFIG_FILE_INVALID', `${name} cannot be read: ${because}`, {
      parameters: { file: name },
      ...(quotes ? {} : { cause }),
    });
  }
}

const variables = [
  'SIGNALBOX_DATABASE',
  'SIGNALBOX_BUS',
  'SIGNALBOX_SOURCE',
  'SIGNALBOX_APPLICATION',
  'SIGNALBOX_SCHEMA',
  'SIGNALBOX_TABLE_PREFIX',
];

function readEnvironment(environment: Readonly<Record<string, string | undefined>>): Configuration {
  refuseMisspelt(environment);
  const {
    SIGNALBOX_DATABASE: database,
    SIGNALBOX_BUS: bus,
    SIGNALBOX_SOURCE: source,
    SIGNALBOX_APPLICATION: application,
    SIGNALBOX_SCHEMA: schema,
    SIGNALBOX_TABLE_PREFIX: tablePrefix,
  } = environment;
  return validateConfiguration(
    {
      ...(isSet(database) ? { database } : {}),
      ...(isSet(bus) ? { bus: bus.split(',').map((url) => url.trim()) } : {}),
      ...(isSet(source) ? { source } : {}),
      ...(isSet(application) ? { application } : {}),
      ...(isSet(schema) ? { schema } : {}),
      ...(isSet(tablePrefix) ? { tablePrefix } : {}),
    },
    'the environment',
  );
}

/** Variables of the same prefix may be somebody else's, unless they look like one of these. */
function refuseMisspelt(environment: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('SIGNALBOX_') || !isSet(value) || variables.includes(name)) continue;
    const suggestion = nearestName(name, variables);
    if (suggestion === undefined) continue;
    throw new ConfigurationError(
      'CONFIG_KEY_UNKNOWN',
      `The environment: there is no variable '${name}'. Did you mean '${suggestion}'?`,
      { parameters: { origin: 'the environment', key: name, suggestion } },
    );
  }
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
