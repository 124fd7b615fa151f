import { withArticle } from '../../core/lifecycle/with-article.js';
import { Argument, Command, Option } from 'commander';
import { ConfigurationError, RefusedError } from '../../core/errors/errors.js';
import { explain } from '../../core/lifecycle/explain.js';
import { stateText } from '../../core/lifecycle/regions.js';
import { loadLifecycle } from '../load-lifecycle.js';

interface ExplainFlags {
  readonly state: string;
  readonly event: string;
  readonly context?: string;
  readonly format: 'text' | 'json';
}

/** `signalbox explain`: is an event lawful in a state, why not, and what is. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('Tell whether an event is lawful in a state, why not, and what is lawful.')
    .addArgument(new Argument('<lifecycle>', 'a built-in resource, or the path of a file'))
    .requiredOption('--state <state>', 'the state the resource is in, or that of one region')
    .requiredOption('--event <event>', 'the event to send')
    .option('--context <json>', 'what guards read, as a JSON object')
    .addOption(
      new Option('--format <format>', 'how to print it').choices(['text', 'json']).default('text'),
    )
    .addHelpText(
      'after',
      '\nExit code: 0 lawful, 1 not lawful, 2 there is no such lifecycle, state or event.\n\nExample:\n  signalbox explain VirtualMachine --state Running --event RecoveryRequested',
    )
    .action(async (name: string, { state, event, context, format }: ExplainFlags) => {
      const lifecycle = await loadLifecycle(name);
      const explanation = explain(
        lifecycle,
        { state, ...(context === undefined ? {} : { context: parseContext(context) }) },
        event,
      );
      const { lawful, refusals, lawfulEvents, openGuards } = explanation;
      const [first] = refusals;
      // There is nothing to explain: the question names what does not exist.
      if (first?.code === 'UNKNOWN_STATE') {
        const { message, parameters } = first;
        throw new ConfigurationError('UNKNOWN_STATE', message, { parameters });
      }
      if (first?.code === 'UNKNOWN_EVENT') throw new RefusedError([first]);
      if (!lawful) process.exitCode = 1;
      if (format === 'json') {
        process.stdout.write(`${JSON.stringify(explanation, null, 2)}\n`);
        return;
      }
      process.stdout.write(
        [
          lawful
            ? `${event} is lawful for ${withArticle(lifecycle.resource)} in ${stateText(state)}${ifGuards(openGuards)}.`
            : `${event} is not lawful for ${withArticle(lifecycle.resource)} in ${stateText(state)}:`,
          ...(lawful
            ? [`Lawful now: ${lawfulEvents.join(', ')}.`]
            : refusals.map((refusal) => `  ${refusal.code}: ${refusal.message}`)),
          '',
        ].join('\n'),
      );
    });
}

function ifGuards(open: readonly string[]): string {
  if (open.length === 0) return '';
  return ` if its guards agree (${open.join(', ')}): give what they read with --context`;
}

function parseContext(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ConfigurationError('ARGUMENT_INVALID', '--context is not valid JSON.', {
      parameters: { argument: 'context' },
      cause,
    });
  }
}
