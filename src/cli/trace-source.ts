import { createReadStream } from 'node:fs';
import { openDatabase } from './open-database.js';
import type { Configuration } from '../config/configuration.js';
import { ConfigurationError, SignalboxError } from '../core/errors/errors.js';
import type { SignalboxEvent } from '../core/events/event.js';
import { chooseApplication } from '../persistence/application.js';
import { openStore } from '../persistence/open-store.js';
import { parseTraceLine } from '../tools/trace/trace-line.js';
import { readLines } from './read-lines.js';

/** An event of a trace, and where it stands. */
export interface PlacedEvent {
  readonly event: SignalboxEvent;
  readonly place: string;
}

/** How many journal rows are read at once: enough to make round trips cheap, and a few MB at most. */
const page = 1000;

/**
 * The events of JSON Lines files, one file after another; `-` is the standard input. Throws
 * ConfigurationError ARGUMENT_INVALID that names the file, or the line that holds no event.
 */
export async function* eventsOfFiles(files: readonly string[]): AsyncGenerator<PlacedEvent> {
  for (const file of files) {
    const prefix = files.length === 1 ? '' : `${file === '-' ? 'standard input' : file} `;
    let number = 0;
    for await (const line of readLines(open(file))) {
      number += 1;
      const place = `${prefix}line ${number}`;
      const event = placed(place, () => parseTraceLine(line));
      if (event !== undefined) yield { event, place };
    }
  }
}

/** The events of a database's journal, read page by page. Rejects as connecting to one does. */
export async function* eventsOfJournal(
  configuration: Configuration & { readonly database: string },
): AsyncGenerator<PlacedEvent> {
  const dataSource = await openDatabase(configuration, { poolSize: 1, mustExist: true });
  try {
    await openStore(dataSource).verifyMigrated();
    const store = openStore(
      dataSource,
      await chooseApplication(dataSource, configuration.application),
    );
    let after = 0;
    for (;;) {
      const records = await store.journal.read({ after, limit: page });
      for (const { position, payload } of records) {
        const place = `position ${position}`;
        const event = placed(place, () => parseTraceLine(payload));
        if (event !== undefined) yield { event, place };
        after = position;
      }
      if (records.length < page) return;
    }
  } finally {
    await dataSource.destroy();
  }
}

async function* open(file: string): AsyncGenerator<Buffer> {
  try {
    yield* file === '-' ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 });
  } catch (cause) {
    const code: unknown = Reflect.get(Object(cause) as object, 'code');
    if (typeof code !== 'string') throw cause;
    throw new ConfigurationError(
      'ARGUMENT_INVALID',
      code === 'ENOENT' ? `There is no file ${file}.` : `${file} cannot be read (${code}).`,
      { parameters: { file }, cause },
    );
  }
}

function placed<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SignalboxError)) throw error;
    throw new ConfigurationError('ARGUMENT_INVALID', `At ${place}: ${error.message}`, {
      parameters: { ...error.parameters, place },
      cause: error,
    });
  }
}
