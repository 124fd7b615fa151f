import { Argument, Command, InvalidArgumentError } from 'commander';
import { connectBuses } from '../../config/connect-bus.js';
import { openDatabase } from '../open-database.js';
import { withDatabaseOptions } from '../database-options.js';
import { loadFormats } from '../../config/load-formats.js';
import type { Bus } from '../../delivery/bus/bus.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { cloudEvents } from '../../delivery/formats/cloudevents.js';
import { replay, type ReplayOptions, type ReplayResult } from '../../consuming/replay/replay.js';
import { chooseApplication } from '../../persistence/application.js';
import { openStore } from '../../persistence/open-store.js';
import { echo } from '../echo.js';
import { repeated, wholeNumber } from '../option-values.js';
import { type OwnerFlags, ownersOf, withOwnerFlags } from '../owner-flags.js';
import { parseDuration } from '../parse-duration.js';
import { requireDatabase } from '../settings.js';
import type { CommonFlags } from '../settings.js';
import { stopSignal } from '../stop-signal.js';
import { tell } from '../tell.js';

interface ReplayFlags extends CommonFlags, OwnerFlags {
  readonly pool: string;
  readonly since?: string;
  readonly until?: string;
  readonly after?: number;
  readonly limit?: number;
  readonly rate?: number;
  readonly forBus?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `signalbox replay`: sends events of the journal once more, to one pool. */
export function replayCommand(): Command {
  return withDatabaseOptions(withOwnerFlags(new Command('replay')))
    .description('Send events of the journal once more, to one pool and to nobody else.')
    .addArgument(new Argument('[patterns...]', 'topic patterns; default every event'))
    .requiredOption('--pool <name>', 'the pool that gets them')
    .option('--since <time>', 'RFC 3339, or a duration back from now such as 2h', time)
    .option('--until <time>', 'only events before this time', time)
    .option('--after <position>', 'only events behind this journal position', wholeNumber)
    .option('--limit <n>', 'events at the most', wholeNumber)
    .option('--rate <n>', 'events a second at the most', wholeNumber)
    .option('--dry-run', 'count the events, send nothing')
    .option('--json', 'print one JSON object')
    .option('--application <name>', 'whose events; needed where several share the database')
    .option('--bus <url>', 'amqp://, kafka:// or nats:// address; may be repeated', repeated)
    .option('--for-bus <name>', 'which bus, when several are configured')
    .option('--config <file>', 'configuration file')
    .addHelpText('after', examples)
    .action(async (patterns: string[], flags: ReplayFlags) => {
      const settings = await requireDatabase(flags);
      const { bus, formats } = settings;
      const buses = await connectBuses(bus, await loadFormats(formats));
      const stop = stopSignal();
      const aborting = new AbortController();
      void stop.requested.then(() => aborting.abort());
      const dataSource = await openDatabase(settings, { poolSize: 2, mustExist: true });
      try {
        await openStore(dataSource).verifyMigrated();
        const store = openStore(
          dataSource,
          await chooseApplication(dataSource, settings.application),
        );
        const result = await replay(
          { journal: store.journal, bus: chosen(buses, flags.forBus), format: cloudEvents },
          patterns.length === 0 ? '#' : patterns,
          {
            ...optionsOf(flags),
            within: ownersOf(flags),
            signal: aborting.signal,
            onProgress: showProgress(),
          },
        );
        process.stdout.write(report(result, flags));
      } finally {
        stop.now();
        await Promise.all(buses.map((each) => each.close()));
        await dataSource.destroy();
      }
    });
}

const examples = `
Examples:
  signalbox replay --pool billing --dry-run '*.UsageEvent.#'
  signalbox replay --pool billing --since 2h '*.UsageEvent.#'
  signalbox replay --pool cmdb --since 2026-03-01T00:00:00Z --rate 500 '*.*.*.Volume.#'
  signalbox replay --pool cmdb --after 4711 '#'

Each event keeps its id, so an idempotent handler skips what it has handled. A replay that stops tells
the position to go on behind.`;

function optionsOf({ pool, since, until, after, limit, rate, dryRun }: ReplayFlags): ReplayOptions {
  return {
    pool,
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { limit }),
    ...(rate === undefined ? {} : { rate }),
    ...(dryRun === undefined ? {} : { dryRun }),
  };
}

function chosen(buses: readonly Bus[], name: string | undefined): Bus {
  const bus = name === undefined ? buses[0] : buses.find((each) => each.name === name);
  if (bus !== undefined && (name !== undefined || buses.length === 1)) return bus;
  const names = buses.map((each) => each.name).join(', ');
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    buses.length === 0
      ? 'No bus is given. Pass --bus, set SIGNALBOX_BUS, or put it into signalbox.config.ts.'
      : `Say which bus with --for-bus: ${names}.`,
    { parameters: { key: 'bus' } },
  );
}

/** One line for every tenth part of the journal that was gone through, where others read the result. */
function showProgress(): NonNullable<ReplayOptions['onProgress']> {
  let printed = 0;
  return ({ replayed, position, start, end }) => {
    const tenth = Math.floor(((position - start) * 10) / Math.max(1, end - start));
    if (tenth <= printed || tenth === 10) return;
    printed = tenth;
    tell(`${tenth * 10} %: ${replayed} events, position ${position}`);
  };
}

function report(
  { replayed, refused, position, complete }: ReplayResult,
  { pool: given, dryRun = false, json }: ReplayFlags,
): string {
  const pool = echo(given);
  if (json === true)
    return `${JSON.stringify({ pool, replayed, refused, position, complete, dryRun })}\n`;
  const events = replayed === 1 ? '1 event' : `${replayed} events`;
  const what = dryRun ? `${events} would go to ${pool}` : `${events} sent to ${pool}`;
  const passedOver = refused === 0 ? '' : `, ${refused} refused and passed over`;
  return complete
    ? `${what}${passedOver}\n`
    : `${what}${passedOver}; go on with --after ${position}\n`;
}

function time(text: string): string {
  if (/^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text))) return text;
  try {
    return new Date(Date.now() - parseDuration(text)).toISOString();
  } catch {
    throw new InvalidArgumentError(
      'Give a time such as 2026-03-01T00:00:00Z, or a duration back from now such as 2h.',
    );
  }
}
