import { Command } from 'commander';
import type { Bus, DeadLetters, DeadLetterSelection } from '../../delivery/bus/bus.js';
import { groupDeadLetters } from '../../delivery/bus/dead-letter-groups.js';
import { ConfigurationError, RefusedError } from '../../core/errors/errors.js';
import { groupLine, letterJson, letterText } from '../dead-letter-text.js';
import { echo } from '../echo.js';
import { repeated, wholeNumber } from '../option-values.js';
import { requireBuses } from '../require-buses.js';
import type { CommonFlags } from '../settings.js';

interface LetterFlags extends CommonFlags {
  readonly forBus?: string;
  readonly reason?: string;
  readonly id?: readonly string[];
  readonly limit: number;
  readonly json?: boolean;
}

interface MendFlags extends LetterFlags {
  readonly all?: boolean;
  readonly yes?: boolean;
}

/** For the examples: a broker as it comes. */
const anyBus = '--bus amqp://guest:guest@127.0.0.1';

/** `signalbox dead-letters`: what a pool could not handle, by its reason; to be mended or dropped. */
export function deadLettersCommand(): Command {
  const command = new Command('dead-letters').description(
    'See what a pool could not handle and why; give it back to the pool, or drop it.',
  );
  for (const child of [listCommand(), showCommand(), redriveCommand(), dropCommand()]) {
    command.addCommand(child);
  }
  return command.addHelpText(
    'after',
    '\nExample:\n  signalbox dead-letters list billing --bus amqp://guest:guest@127.0.0.1',
  );
}

function listCommand(): Command {
  return letters('list', 'how many dead letters a pool has, grouped by reason', 10_000)
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nIn a reason, * stands for what differs between its messages: uuids and numbers. Give it to\n' +
        '--reason of the other commands, to take the whole group.\n' +
        '\nExamples:\n  signalbox dead-letters list billing --bus amqp://guest:guest@127.0.0.1\n' +
        `  signalbox dead-letters list inventory@nova --json ${anyBus}`,
    )
    .action(async (pool: string, flags: LetterFlags) =>
      withDeadLetters(flags, async (deadLetters, bus) => {
        const { limit } = flags;
        const found = await deadLetters.read(pool, { ...selectionOf(flags), limit: limit + 1 });
        if (found.length === 0) await assertKnown(bus, pool);
        const seen = found.slice(0, limit);
        const groups = groupDeadLetters(seen);
        const more = found.length > limit;
        if (flags.json === true) {
          process.stdout.write(
            `${JSON.stringify({ pool: echo(pool), count: seen.length, more, groups })}\n`,
          );
          return;
        }
        const most = more ? `, the first ${limit} looked at (--limit)` : '';
        process.stdout.write(
          `${echo(pool)}: ${counted(seen.length)}${most}\n${groups.map(groupLine).join('')}`,
        );
      }),
    );
}

function showCommand(): Command {
  return letters('show', 'dead letters one by one, with error, origin and body', 10)
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      `\nExamples:\n  signalbox dead-letters show billing --limit 1 ${anyBus}\n` +
        `  signalbox dead-letters show billing --reason 'failed after * tries: *' --json ${anyBus}`,
    )
    .action(async (pool: string, flags: LetterFlags) =>
      withDeadLetters(flags, async (deadLetters, bus) => {
        const found = await deadLetters.read(pool, selectionOf(flags));
        if (found.length === 0) await assertKnown(bus, pool);
        for (const letter of found) {
          process.stdout.write(
            flags.json === true ? `${JSON.stringify(letterJson(letter))}\n` : letterText(letter),
          );
        }
      }),
    );
}

function redriveCommand(): Command {
  return letters('redrive', 'give dead letters to their pool again, and to no other', 10_000)
    .option('--all', 'all of them, whatever their reason')
    .addHelpText(
      'after',
      '\nThey come after what the pool already has, and are tried as if they were new.\n' +
        `\nExamples:\n  signalbox dead-letters redrive billing --reason 'failed after * tries: *' ${anyBus}\n` +
        `  signalbox dead-letters redrive billing --all --limit 10 ${anyBus}`,
    )
    .action(async (pool: string, flags: MendFlags) => {
      requireChoice(flags);
      await withDeadLetters(flags, async (deadLetters, bus) => {
        const refused: string[] = [];
        const count = await deadLetters.redrive(pool, selectionOf(flags), {
          onRefused: ({ message }, error) => refused.push(`${echo(message.id)}: ${error.message}`),
        });
        if (count + refused.length === 0) await assertKnown(bus, pool);
        process.stdout.write(`${counted(count)} given to ${echo(pool)} again\n`);
        if (refused.length === 0) return;
        process.stderr.write(refused.map((line) => `refused: ${echo(line)}\n`).join(''));
        process.exitCode = 1;
      });
    });
}

function dropCommand(): Command {
  return letters('drop', 'delete dead letters for good', 10_000)
    .option('--all', 'all of them, whatever their reason')
    .option('--yes', 'really; without it the command only counts')
    .addHelpText(
      'after',
      `\nWithout --yes it counts, and ends with 2.\n\nExamples:\n  signalbox dead-letters drop billing --reason 'nobody to bill' ${anyBus}\n` +
        `  signalbox dead-letters drop billing --reason 'nobody to bill' --yes ${anyBus}`,
    )
    .action(async (pool: string, flags: MendFlags) => {
      requireChoice(flags);
      await withDeadLetters(flags, async (deadLetters, bus) => {
        const selection = selectionOf(flags);
        if (flags.yes === true) {
          const count = await deadLetters.drop(pool, selection);
          if (count === 0) await assertKnown(bus, pool);
          process.stdout.write(`${counted(count)} of ${echo(pool)} dropped\n`);
          return;
        }
        const { length } = await deadLetters.read(pool, selection);
        if (length === 0) await assertKnown(bus, pool);
        throw new ConfigurationError(
          'ARGUMENT_INVALID',
          `This would delete ${counted(length)} of ${pool} for good, and nothing was deleted. Pass --yes to do it.`,
          { parameters: { pool, count: length } },
        );
      });
    });
}

function letters(name: string, description: string, limit: number): Command {
  return new Command(name)
    .description(description)
    .argument('<pool>', 'name of the pool; of one that reads from others: pool@exchange, or @queue')
    .option('--reason <pattern>', 'only those with this reason; * stands for any text')
    .option('--id <id>', 'only the message with this id; may be repeated', repeated)
    .option('--limit <n>', 'at most so many, oldest first', wholeNumber, limit)
    .option('--bus <url>', 'amqp://, kafka:// or nats:// address', repeated)
    .option('--for-bus <name>', 'which of several configured buses')
    .option('--config <file>', 'configuration file');
}

function selectionOf({ reason, id, limit }: LetterFlags): DeadLetterSelection {
  return {
    limit,
    ...(reason === undefined ? {} : { reason }),
    ...(id === undefined ? {} : { ids: id }),
  };
}

/** A forgotten option must not mean everything. */
function requireChoice({ reason, id, all }: MendFlags): void {
  if (reason !== undefined || id !== undefined || all === true) return;
  throw new ConfigurationError(
    'ARGUMENT_INVALID',
    'Say which: --reason <pattern>, --id <id>, or --all. See `signalbox dead-letters list`.',
    { parameters: { argument: '--reason' } },
  );
}

async function withDeadLetters(
  flags: LetterFlags,
  work: (deadLetters: DeadLetters, bus: Bus) => Promise<void>,
): Promise<void> {
  const buses = await requireBuses(flags);
  const matching = buses.filter(({ name }) => flags.forBus === undefined || flags.forBus === name);
  const [bus, ...others] = matching;
  const names = buses.map(({ name }) => name).join(', ');
  if (bus === undefined || others.length > 0) {
    throw new ConfigurationError(
      'ARGUMENT_INVALID',
      `Say which bus: --for-bus with one of ${names}.`,
      { parameters: { argument: '--for-bus' } },
    );
  }
  const { deadLetters } = bus;
  if (deadLetters === undefined) {
    throw new ConfigurationError(
      'BUS_CANNOT',
      `The bus ${bus.name} keeps no dead letters. Look where your handlers keep what they give up.`,
      { parameters: { bus: bus.name } },
    );
  }
  try {
    await work(deadLetters, bus);
  } finally {
    await Promise.all(buses.map((each) => each.close()));
  }
}

/**
 * A misspelt pool must not look like one where all is well. Dead letters outlive their pool, so one that
 * was removed is known as long as it has any.
 */
async function assertKnown(bus: Bus, pool: string): Promise<void> {
  if (await bus.hasPool(pool)) return;
  const letters = await bus.deadLetters?.read(pool, { limit: 1 });
  if (letters !== undefined && letters.length > 0) return;
  throw RefusedError.of(
    'POOL_UNKNOWN',
    `The bus ${bus.name} has no pool ${JSON.stringify(pool)}, and no dead letters of one. Check the spelling.`,
    { bus: bus.name, pool },
  );
}

function counted(count: number): string {
  return count === 1 ? '1 dead letter' : `${count} dead letters`;
}
