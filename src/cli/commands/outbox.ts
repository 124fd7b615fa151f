import { Command } from 'commander';
import { RefusedError } from '../../core/errors/errors.js';
import type { BusDepth, OutboxRecord, ParkedRecord } from '../../core/stores/outbox-store.js';
import type { Store } from '../../persistence/store.js';
import { wholeNumber } from '../option-values.js';
import { printable } from '../printable.js';
import { withDatabaseOptions } from '../database-options.js';
import type { CommonFlags } from '../settings.js';
import { withStore } from '../with-store.js';

interface RowFlags extends CommonFlags {
  readonly forBus?: string;
}

interface DropFlags extends Omit<RowFlags, 'bus'> {
  readonly bus?: string;
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
          const pending = await store.outbox.listPending({ limit: limit - parked.length });
          process.stdout.write(
            json === true
              ? `${JSON.stringify({ ...depth, rows: parked.map(describe), pendingRows: pending.map(describePending) })}\n`
              : `${depth.pending} pending (oldest ${depth.oldestAge} ms), ${depth.parked} parked, ${depth.held} held behind them\n${depth.buses.map(busLine).join('')}${parked.map(line).join('')}${pending.map(pendingLine).join('')}`,
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
    common('drop', 'give a parked row up, or all that waits for one bus; the journal keeps them')
      .argument('[position]', 'the position that `outbox list` shows', wholeNumber)
      .option('--for-bus <name>', 'only the row of this bus; default every bus')
      .option('--bus <name>', 'every row, pending or parked, that waits for this bus by name')
      .addHelpText(
        'after',
        '\nExamples:\n  signalbox outbox drop 4711 --database sqlite:cloud.sqlite\n  signalbox outbox drop --bus retired',
      )
      .action(async (at: number | undefined, { bus, ...flags }: DropFlags) => {
        if ((at === undefined) === (bus === undefined)) {
          throw RefusedError.of('ARGUMENTS_INVALID', 'Give a position, or --bus and no position.');
        }
        await withStore(flags, async (store) => {
          if (bus !== undefined) {
            process.stdout.write(
              `${await dropBus(store, bus)} rows that waited for ${printable(bus)} are dropped; the journal keeps their events\n`,
            );
          } else if (at !== undefined) {
            await each(store, at, flags, (ref) => store.outbox.drop(ref));
            process.stdout.write(`row ${at} is dropped; the journal keeps it\n`);
          }
        });
      }),
  );
  return outbox.addHelpText('after', '\nExample:\n  signalbox outbox list');
}

function common(name: string, description: string): Command {
  return withDatabaseOptions(new Command(name).description(description))
    .option('--application <name>', 'whose; needed where several share the database')
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

/** Rows that one commit drops. */
const dropsAtOnce = 1000;

/** Drops every row that waits for a bus by name, in commits of bounded size; resolves with how many. */
export async function dropBus({ outbox }: Store, bus: string): Promise<number> {
  let all = 0;
  for (;;) {
    const dropped = await outbox.dropBus(bus, dropsAtOnce);
    all += dropped;
    if (dropped < dropsAtOnce) return all;
  }
}

function describePending(row: OutboxRecord) {
  const { position: at, bus, partition, id, category, type, resource, uuid } = row;
  return { position: at, bus, partition, id, category, type, resource, uuid };
}

function busLine({ bus, pending, parked, held, oldestAge }: BusDepth): string {
  const name = bus === '' ? 'every bus' : bus;
  return `  for ${printable(name)}: ${pending} pending (oldest ${oldestAge} ms), ${parked} parked, ${held} held\n`;
}

function pendingLine({
  position: at,
  bus,
  partition: share,
  category,
  type,
  resource,
  uuid,
}: OutboxRecord) {
  const subject = resource === null ? '' : ` ${resource}/${uuid}`;
  const target = bus === '' ? '' : ` for ${bus}`;
  return `${String(at).padStart(10)}  pending  partition ${share}  ${printable(`${category} ${type}${subject}${target}`)}\n`;
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
