import { Command } from 'commander';
import { connectBuses } from '../../config/connect-bus.js';
import { openDatabase } from '../open-database.js';
import { withDatabaseOptions } from '../database-options.js';
import { loadFormats } from '../../config/load-formats.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { openStore } from '../../persistence/open-store.js';
import { flushTelemetry } from '../flush-telemetry.js';
import { type LogLevel, levelOf } from '../log-record.js';
import { noticeLine } from '../notice-line.js';
import { repeated } from '../option-values.js';
import { printable } from '../printable.js';
import { ApplicationRelays } from '../relay-applications.js';
import { refuseOwnBus } from '../refuse-own-bus.js';
import { requireDatabase } from '../settings.js';
import type { CommonFlags } from '../settings.js';
import { stopSignal } from '../stop-signal.js';
import { tell, tellRecord } from '../tell.js';

/** `signalbox relay`: moves the outbox to the buses until it is told to stop. */
export function relayCommand(): Command {
  return withDatabaseOptions(
    new Command('relay').description(
      'Move the outbox to the buses. Run as many as you like: they share the work.',
    ),
  )
    .option('--bus <url>', 'amqp://, kafka:// or nats:// address; may be repeated', repeated)
    .option('--application <name>', 'whose events; default those of every application')
    .option('--config <file>', 'configuration file')
    .option('--json', 'log JSON lines with time and level')
    .addHelpText(
      'after',
      '\nExample:\n  signalbox relay --database sqlite:cloud.sqlite --bus amqp://guest:guest@127.0.0.1',
    )
    .action(async (flags: CommonFlags & { readonly json?: boolean }) => {
      const log = logger(flags.json === true);
      const {
        bus,
        formats,
        source,
        application,
        relay: options,
        ...settings
      } = await requireDatabase(flags);
      const buses = await connectBuses(bus, await loadFormats(formats));
      if (buses.length === 0) {
        throw new ConfigurationError(
          'CONFIG_VALUE_INVALID',
          'A relay without a bus would drain the outbox to nowhere. Pass --bus, set SIGNALBOX_BUS, or put it into signalbox.config.ts.',
          { parameters: { key: 'bus' } },
        );
      }
      refuseOwnBus(buses);
      const stop = stopSignal();
      const dataSource = await openDatabase(settings, { poolSize: 4, mustExist: true });
      try {
        await openStore(dataSource).verifyMigrated();
        await Promise.all(buses.map((each) => each.connect()));
        const relays = new ApplicationRelays({
          dataSource,
          buses,
          application,
          source: source ?? 'signalbox-relay',
          options: options ?? {},
          listener: (notice, { id, name }) =>
            log(levelOf(notice), `${id === 0 ? '' : `${name}: `}${noticeLine(notice)}`, {
              notice: notice.kind,
            }),
          onLeftOut: ({ name }, error) =>
            log('warn', `leaving out the application '${name}': ${error.message}`),
        });
        await relays.start();
        log('info', `relaying to ${buses.map(({ name }) => name).join(', ')}`);
        await stop.requested;
        log('info', 'stopping: draining what is under way');
        await relays.stop();
        await flushTelemetry();
      } finally {
        await Promise.all(buses.map((each) => each.close()));
        await dataSource.destroy();
      }
    });
}

/** Writes lines for a person, or for a program. */
function logger(
  json: boolean,
): (level: LogLevel, message: string, fields?: Readonly<Record<string, string>>) => void {
  return json ? tellRecord : (_level, message) => tell(printable(message));
}
