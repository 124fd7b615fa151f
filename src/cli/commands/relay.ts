import { Command } from 'commander';
import { connectBuses } from '../../config/connect-bus.js';
import { connectDatabase } from '../../config/connect-database.js';
import { loadFormats } from '../../config/load-formats.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { openStore } from '../../persistence/open-store.js';
import { noticeLine } from '../notice-line.js';
import { repeated } from '../option-values.js';
import { printable } from '../printable.js';
import { ApplicationRelays } from '../relay-applications.js';
import { refuseOwnBus } from '../refuse-own-bus.js';
import { requireDatabase } from '../settings.js';
import type { CommonFlags } from '../settings.js';
import { stopSignal } from '../stop-signal.js';
import { tell } from '../tell.js';

/** `signalbox relay`: moves the outbox to the buses until it is told to stop. */
export function relayCommand(): Command {
  return new Command('relay')
    .description('Move the outbox to the buses. Run as many as you like: they share the work.')
    .option('--database <url>', 'postgres://, mysql://, mariadb:// or sqlite: address')
    .option('--bus <url>', 'amqp://, kafka:// or nats:// address; may be repeated', repeated)
    .option('--application <name>', 'whose events; default those of every application')
    .option('--config <file>', 'configuration file')
    .addHelpText(
      'after',
      '\nExample:\n  signalbox relay --database sqlite:cloud.sqlite --bus amqp://guest:guest@127.0.0.1',
    )
    .action(async (flags: CommonFlags) => {
      const {
        database,
        bus,
        formats,
        source,
        application,
        relay: options,
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
      const dataSource = await connectDatabase(database, { poolSize: 4, mustExist: true });
      try {
        await openStore(dataSource).verifyMigrated();
        await Promise.all(buses.map((each) => each.connect()));
        const relays = new ApplicationRelays({
          dataSource,
          buses,
          application,
          source: source ?? 'management-server',
          options: options ?? {},
          listener: (notice, { id, name }) =>
            tell(printable(`${id === 0 ? '' : `${name}: `}${noticeLine(notice)}`)),
          onLeftOut: ({ name }, error) =>
            tell(printable(`leaving out the application '${name}': ${error.message}`)),
        });
        await relays.start();
        tell(`relaying to ${buses.map(({ name }) => name).join(', ')}`);
        await stop.requested;
        tell('stopping: draining what is under way');
        await relays.stop();
      } finally {
        await Promise.all(buses.map((each) => each.close()));
        await dataSource.destroy();
      }
    });
}
