import { Command } from 'commander';
import { RefusedError } from '../../core/errors/errors.js';
import type { ParkedRecord } from '../../core/stores/outbox-store.js';
import type { Store } from '../../persistence/store.js';
import { wholeNumber } from '../option-values.js';
import { printable } from '../printable.js';
import type { CommonFlags } from '../settings.js';
import { withStore } from '../with-store.js';

interface RowFlags extends CommonFlags {
  readonly forBus?: string;
}

interface ListFlags extends CommonFlags {
  readonly json?: boolean;
  readonly limit: number;
}

/** `signalbox outbox`: what waits to be published, and what the broker refused for good. */
export function outboxCommand(): Command {
  const outbox = new Command('outbox').description(
    'See what waits in the outbox; retry or drop what the broker refused for good.',
  );
  outbox.addCommand(
    common('list', 'how full the outbox is, and every parked or held row')
      .option('--json', 'print one JSON object')
      .option('--limit <n>', 'rows to print at the most', wholeNumber, 100)
      .addHelpText('after', '\nExample:\n  signalbox outbox list --database sqlite:cloud.sqlite')
      .action(async ({ json, limit, ...flags }: ListFlags) =>
        withStore(flags, async (store) => {
          const depth = await store.outbox.depth();
          const parked = await store.outbox.listParked({ limit });
          process.stdout.write(
            json === true
              ? `${JSON.stringify({ ...depth, rows: parked.map(describe) })}\n`
              : `${depth.pending} pending (oldest ${depth.oldestAge} ms), ${depth.parked} parked, ${depth.held} held behind them\n${parked.map(line).join('')}`,
          );
        }),
      ),
  );
  outbox.addCommand(
    row('retry', 'put a parked row, and those held behind it, back into the outbox')
      .addHelpText(
        'after',
        '\nExample:\n  signalbox outbox retry 4711 --database sqlite:cloud.sqlite',
      )
      .action(async (at: number, flags: RowFlags) =>
        withStore(flags, async (store) => {
          await each(store, at, flags, (ref) => store.outbox.retry(ref));
          process.stdout.write(`row ${at} is back in the outbox\n`);
        }),
      ),
  );
  outbox.addCommand(
    row('drop', 'give a parked row up; it stays in the journal')
      .addHelpText(
        'after',
        '\nExample:\n  signalbox outbox drop 4711 --database sqlite:cloud.sqlite',
      )
      .action(async (at: number, flags: RowFlags) =>
        withStore(flags, async (store) => {
          await each(store, at, flags, (ref) => store.outbox.drop(ref));
          process.stdout.write(`row ${at} is dropped; the journal keeps it\n`);
        }),
      ),
  );
  return outbox.addHelpText('after', '\nExample:\n  signalbox outbox list');
}

function common(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--database <url>', 'postgres://, mysql://, mariadb:// or sqlite: address')
    .option('--config <file>', 'configuration file');
}

function row(name: string, description: string): Command {
  return common(name, description)
    .argument('<position>', 'the position that `outbox list` shows', wholeNumber)
    .option('--for-bus <name>', 'only the row of this bus; default every bus');
}

async function each(
  store: Store,
  at: number,
  { forBus }: RowFlags,
  work: (ref: { position: number; bus: string }) => Promise<boolean>,
): Promise<void> {
  // A tilde sorts behind every name a bus can have.
  const rows = await store.outbox.listParked({
    limit: 1000,
    after: { position: at - 1, bus: '~' },
  });
  const matching = rows.filter(
    ({ position: found, bus, status }) =>
      found === at && status === 'parked' && (forBus === undefined || bus === forBus),
  );
  let done = false;
  for (const { bus } of matching) {
    done = (await work({ position: at, bus })) || done;
  }
  if (!done) {
    throw RefusedError.of(
      'UNKNOWN_OUTBOX_ROW',
      `No parked row has position ${at}. See \`signalbox outbox list\`.`,
      { position: at },
    );
  }
}

function describe({
  position: at,
  bus,
  status,
  reason,
  parkedAt,
  id,
  category,
  type,
  resource,
  uuid,
}: ParkedRecord) {
  return { position: at, bus, status, reason, parkedAt, id, category, type, resource, uuid };
}

function line({
  position: at,
  bus,
  status,
  reason,
  parkedAt,
  category,
  type,
  resource,
  uuid,
}: ParkedRecord): string {
  const subject = resource === null ? '' : ` ${resource}/${uuid}`;
  const target = bus === '' ? '' : ` for ${bus}`;
  const what = `${category} ${type}${subject}${target}: ${reason}`;
  return `${String(at).padStart(10)}  ${status.padEnd(6)}  ${parkedAt}  ${printable(what)}\n`;
}
