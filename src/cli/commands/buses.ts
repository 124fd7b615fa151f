import { Command } from 'commander';
import { RefusedError } from '../../core/errors/errors.js';
import type { BusDepth, RegisteredBus } from '../../core/stores/outbox-store.js';
import type { OpenStore } from '../../persistence/open-store.js';
import { printable } from '../printable.js';
import { withDatabaseOptions } from '../database-options.js';
import type { CommonFlags } from '../settings.js';
import { withStore } from '../with-store.js';
import { dropBus } from './outbox.js';

interface ListFlags extends CommonFlags {
  readonly json?: boolean;
}

interface ForgetFlags extends CommonFlags {
  readonly drop?: boolean;
}

/** `signalbox buses`: which buses events go to, and what waits for each. */
export function busesCommand(): Command {
  const buses = new Command('buses').description(
    'See the buses that events of an application go to; forget one that is retired or has moved.',
  );
  buses.addCommand(
    common('list', 'every bus that is registered or that rows wait for')
      .option('--json', 'print one JSON object a line')
      .addHelpText('after', '\nExample:\n  signalbox buses list')
      .action(async ({ json, ...flags }: ListFlags) =>
        withStore(flags, async (store) => {
          const rows = await busRows(store);
          const write = json === true ? (row: BusRow) => `${JSON.stringify(row)}\n` : line;
          process.stdout.write(rows.map(write).join('') || 'none is registered\n');
        }),
      ),
  );
  buses.addCommand(
    common('forget', 'register a bus no more, so that another of its name may be')
      .argument('<name>', 'the name that `buses list` shows')
      .option('--drop', 'drop the rows that wait for it by name; their events stay in the journal')
      .addHelpText('after', '\nExample:\n  signalbox buses forget retired --drop')
      .action(async (name: string, { drop = false, ...flags }: ForgetFlags) =>
        withStore(flags, async (store) => {
          const row = (await busRows(store)).find((each) => each.bus === name);
          if (row === undefined) {
            throw RefusedError.of(
              'UNKNOWN_BUS',
              `No bus '${name}' is registered, and no row waits for one. See \`signalbox buses list\`.`,
              { bus: name },
            );
          }
          // Its rows would wait for ever, and keep their events from being purged.
          const dropped = drop ? await dropBus(store, name) : 0;
          await store.outbox.forgetBus(name);
          const left = row.pending + row.parked + row.held - dropped;
          process.stdout.write(
            `${printable(name)} is forgotten; ${dropped} rows dropped${left > 0 ? `, ${left} still wait for a bus of this name (signalbox outbox drop --bus)` : ''}\n`,
          );
        }),
      ),
  );
  return buses.addHelpText('after', '\nExample:\n  signalbox buses list');
}

interface BusRow extends BusDepth {
  readonly registered: boolean;
  readonly target: string | null;
}

async function busRows({ outbox }: OpenStore): Promise<readonly BusRow[]> {
  const registered = await outbox.registerBuses([]);
  const { buses } = await outbox.depth();
  const waiting = buses.filter(({ bus }) => bus !== '');
  const names = new Set([...registered.map(({ name }) => name), ...waiting.map(({ bus }) => bus)]);
  return [...names].toSorted().map((bus) => rowOf(bus, registered, waiting));
}

function rowOf(
  bus: string,
  registered: readonly RegisteredBus[],
  waiting: readonly BusDepth[],
): BusRow {
  const known = registered.find(({ name }) => name === bus);
  const depth = waiting.find((each) => each.bus === bus);
  return {
    ...(depth ?? { bus, pending: 0, parked: 0, held: 0, oldestAge: 0 }),
    registered: known !== undefined,
    target: known?.target ?? null,
  };
}

function common(name: string, description: string): Command {
  return withDatabaseOptions(new Command(name).description(description))
    .option('--application <name>', 'whose; needed where several share the database')
    .option('--config <file>', 'configuration file');
}

function line({ bus, registered, target, pending, parked, held, oldestAge }: BusRow): string {
  const place = registered ? (target ?? 'somewhere that is not known') : 'not registered';
  return `${printable(bus)}  ${printable(place)}  ${pending} pending (oldest ${oldestAge} ms), ${parked} parked, ${held} held\n`;
}
