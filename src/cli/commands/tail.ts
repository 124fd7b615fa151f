import { Argument, Command, Option } from 'commander';
import type { Bus, Delivery } from '../../delivery/bus/bus.js';
import { eventReader, type EventReader } from '../../delivery/bus/event-reader.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import type { TenancyFilter } from '../../core/events/event-filter.js';
import { bindingPatterns } from '../../core/events/filter.js';
import { cloudEvents } from '../../delivery/formats/cloudevents.js';
import { eventLine } from '../event-line.js';
import { type OwnerFlags, ownersOf, withOwnerFlags } from '../owner-flags.js';
import { printable } from '../printable.js';
import { repeated, wholeNumber } from '../option-values.js';
import { refuseOwnBus } from '../refuse-own-bus.js';
import { requireBuses } from '../require-buses.js';
import type { CommonFlags } from '../settings.js';
import { stopSignal } from '../stop-signal.js';
import { tell } from '../tell.js';

interface TailFlags extends CommonFlags, OwnerFlags {
  readonly format: 'pretty' | 'json';
  readonly count?: number;
}

/** `signalbox tail`: prints events as they come, without taking them from anybody. */
export function tailCommand(): Command {
  return withOwnerFlags(new Command('tail'))
    .description('Print events as they come, without taking them from any other reader.')
    .addArgument(new Argument('[patterns...]', 'topic patterns; default every event'))
    .option('--bus <url>', 'amqp://, kafka:// or nats:// address; may be repeated', repeated)
    .addOption(
      new Option('--format <format>', 'how to print them')
        .choices(['pretty', 'json'])
        .default('pretty'),
    )
    .option('--count <n>', 'stop after n events', wholeNumber)
    .option('--config <file>', 'configuration file')
    .addHelpText(
      'after',
      "\nExample:\n  signalbox tail --bus amqp://guest:guest@127.0.0.1 '*.*.*.VirtualMachine.#'",
    )
    .action(async (patterns: string[], { format, count, ...flags }: TailFlags) => {
      const buses = await requireBuses(flags);
      refuseOwnBus(buses);
      const bindings = bindingPatterns(patterns.length === 0 ? '#' : patterns);
      try {
        await tail(buses, bindings, { format, count, within: ownersOf(flags) });
      } finally {
        await Promise.all(buses.map((bus) => bus.close()));
      }
    });
}

async function tail(
  buses: readonly Bus[],
  patterns: readonly string[],
  {
    format,
    count,
    within,
  }: Pick<TailFlags, 'format'> & {
    readonly count: number | undefined;
    readonly within: TenancyFilter;
  },
): Promise<void> {
  // Whose another program's message is, it does not tell.
  const isPartial = Object.keys(within).length > 0;
  const stop = stopSignal();
  let left = count ?? Number.POSITIVE_INFINITY;
  const show = async (reader: EventReader, delivery: Delivery): Promise<void> => {
    if (left <= 0) return;
    const text = await lineOf(reader, delivery, format, isPartial);
    if (text === undefined) return;
    left -= 1;
    process.stdout.write(text);
    if (left === 0) stop.now();
  };
  await Promise.all(
    buses.map(async (bus) => {
      const reader = eventReader(bus.format ?? cloudEvents, patterns, within);
      const options = { prefetch: 1000 };
      await bus.subscribe(reader.patterns, (delivery) => show(reader, delivery), options);
    }),
  );
  // Not before: what is published from here on comes.
  tell(
    `listening on ${buses.map(({ name }) => name).join(', ')} for ${patterns.join(' ')}; Ctrl-C ends it`,
  );
  await stop.requested;
}

/** Undefined for an event that was not asked for. */
async function lineOf(
  reader: EventReader,
  delivery: Delivery,
  format: TailFlags['format'],
  isPartial: boolean,
): Promise<string | undefined> {
  let event: SignalboxEvent | undefined;
  try {
    event = await reader.read(delivery);
  } catch {
    return isPartial ? undefined : foreignLine(delivery, format);
  }
  if (event === undefined) return undefined;
  return format === 'json'
    ? `${JSON.stringify({ routingKey: delivery.key, event })}\n`
    : `${printable(eventLine(delivery.key, event))}\n`;
}

/** Another program's message on the same exchange: worth seeing, not worth stopping for. */
function foreignLine({ key, contentType, body }: Delivery, format: TailFlags['format']): string {
  if (format === 'json') {
    const text = Buffer.from(body).toString('base64');
    return `${JSON.stringify({ routingKey: key, contentType, body: text })}\n`;
  }
  const size = `${body.byteLength} bytes of ${contentType || 'unknown type'}`;
  return `${''.padEnd(12)}  ${printable(`${key}  ${size}`)}\n`;
}
