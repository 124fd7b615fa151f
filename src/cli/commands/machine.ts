import { Argument, Command, Option } from 'commander';
import { machines } from '../../../machines/index.js';
import { describeLifecycle } from '../../core/lifecycle/describe-lifecycle.js';
import { lifecycleTable } from '../../core/lifecycle/lifecycle-table.js';
import { loadLifecycle } from '../load-lifecycle.js';

/** `signalbox machine`: lists the built-in lifecycles, or prints one. */
export function machineCommand(): Command {
  return new Command('machine')
    .description('List the built-in lifecycles, or print one of them or of a file.')
    .addArgument(new Argument('[lifecycle]', 'a built-in resource, or the path of a file'))
    .addOption(
      new Option('--format <format>', 'how to print it')
        .choices(['table', 'json'])
        .default('table'),
    )
    .addHelpText('after', '\nExample:\n  signalbox machine VirtualMachine --format json')
    .action(async (name: string | undefined, { format }: { format: 'table' | 'json' }) => {
      if (name === undefined) {
        list(format);
        return;
      }
      const lifecycle = await loadLifecycle(name);
      process.stdout.write(
        format === 'json'
          ? `${JSON.stringify(describeLifecycle(lifecycle), null, 2)}\n`
          : `${lifecycleTable(lifecycle)}\n`,
      );
    });
}

function list(format: 'table' | 'json'): void {
  const rows = machines.map(({ resource, version, states, events, transitions }) => ({
    resource,
    version,
    states: states.length,
    events: events.length,
    transitions: transitions.length,
  }));
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  for (const { resource, version, states, events, transitions } of rows) {
    process.stdout.write(
      `${resource.padEnd(16)} version ${version}, ${states} states, ${events} events, ${transitions} transitions\n`,
    );
  }
}
