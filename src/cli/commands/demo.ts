import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { runDemo } from '../demo/run-demo.js';
import { repeated, wholeNumber } from '../option-values.js';
import { placementOf } from '../../persistence/tables/placed-tables.js';
import { settingsOf } from '../settings.js';
import type { CommonFlags } from '../settings.js';

interface DemoFlags extends CommonFlags {
  readonly resources?: number;
  readonly json?: boolean;
}

/** `signalbox demo`: an orchestration scenario with its events, on SQLite or real servers. */
export function demoCommand(): Command {
  return new Command('demo')
    .description(
      'Drive a network, volumes, a machine and snapshots through their lives, and listen.',
    )
    .option('--database <url>', 'a real database instead of a temporary SQLite file')
    .option('--bus <url>', 'a real broker instead of the in-process bus; may be repeated', repeated)
    .option('--resources <n>', 'as load: drive n machines through their whole lives', wholeNumber)
    .option('--json', 'one JSON object a line: { routingKey, event }, and { summary } last')
    .option('--config <file>', 'configuration file')
    .addHelpText(
      'after',
      `
Examples:
  signalbox demo
  signalbox demo --database postgres://postgres@127.0.0.1/test --bus amqp://guest:guest@127.0.0.1
  signalbox demo --resources 1000 --json`,
    )
    .action(async (flags: DemoFlags) => {
      const { database, bus, ...settings } = await settingsOf(flags);
      const directory =
        database === undefined ? await mkdtemp(join(tmpdir(), 'signalbox-demo-')) : undefined;
      try {
        await runDemo({
          database: database ?? `sqlite:${join(directory ?? '.', 'demo.sqlite')}`,
          bus,
          placement: placementOf(settings),
          resources: flags.resources,
          json: flags.json ?? false,
        });
      } finally {
        if (directory !== undefined) await rm(directory, { recursive: true, force: true });
      }
    });
}
