import { Argument, Command, Option } from 'commander';
import type { Bus, Delivery } from '../../bus/bus.js';
import { connectBuses } from '../../config/connect-bus.js';
import { ConfigurationError } from '../../errors/errors.js';
import { bindingPatterns } from '../../events/filter.js';
import { cloudEvents } from '../../formats/cloudevents.js';
import { eventLine } from '../event-line.js';
import { printable } from '../printable.js';
import { repeated, wholeNumber } from '../option-values.js';
import { settingsOf } from '../settings.js';
import type { CommonFlags } from '../settings.js';
import { stopSignal } from '../stop-signal.js';

interface TailFlags extends CommonFlags {
  readonly format: 'pretty' | 'json';
  readonly count?: number;
}

/** `signalbox tail`: prints events as they come, without taking them from anybody. */
export function tailCommand(): Command {
  return new Command('tail')
    .description('Print events as they come, without taking them from any other reader.')
    .addArgument(new Argument('[patterns...]', 'topic patterns; default every event'))
    .option('--bus <url>', 'amqp:// or amqps:// address; may be repeated', repeated)
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
      const { bus: configured } = await settingsOf(flags);
      const buses = connectBuses(configured);
      if (buses.length === 0) {
        throw new ConfigurationError(
          'CONFIG_VALUE_INVALID',
          'No bus is given. Pass --bus, set SIGNALBOX_BUS, or put it into signalbox.config.ts.',
          { parameters: { key: 'bus' } },
        );
      }
      const bindings = bindingPatterns(patterns.length === 0 ? '#' : patterns);
      try {
        await tail(buses, bindings, format, count);
      } finally {
        await Promise.all(buses.map((bus) => bus.close()));
      }
    });
}

async function tail(
  buses: readonly Bus[],
  patterns: readonly string[],
  format: TailFlags['format'],
  count: number | undefined,
): Promise<void> {
  const stop = stopSignal();
  let left = count ?? Number.POSITIVE_INFINITY;
  const show = async (delivery: Delivery): Promise<void> => {
    if (left <= 0) return;
    left -= 1;
    process.stdout.write(await (format === 'json' ? jsonLine(delivery) : prettyLine(delivery)));
    if (left === 0) stop.now();
  };
  await Promise.all(buses.map((bus) => bus.subscribe(patterns, show, { prefetch: 1000 })));
  await stop.requested;
}

async function prettyLine(delivery: Delivery): Promise<string> {
  try {
    return `${printable(eventLine(delivery.key, await cloudEvents.decode(delivery)))}\n`;
  } catch {
    // Another program's message on the same exchange: worth seeing, not worth stopping for.
    const size = `${delivery.body.byteLength} bytes of ${delivery.contentType || 'unknown type'}`;
    return `${''.padEnd(12)}  ${printable(`${delivery.key}  ${size}`)}\n`;
  }
}

async function jsonLine(delivery: Delivery): Promise<string> {
  try {
    const event = await cloudEvents.decode(delivery);
    return `${JSON.stringify({ routingKey: delivery.key, event })}\n`;
  } catch {
    const body = Buffer.from(delivery.body).toString('base64');
    return `${JSON.stringify({ routingKey: delivery.key, contentType: delivery.contentType, body })}\n`;
  }
}
