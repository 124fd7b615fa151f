import type { Command } from 'commander';

/**
 * Every command, in the order of the help, loaded when it is needed: drawing a lifecycle must not wait for
 * the code of databases and brokers.
 */
export const commands: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import('./demo.js')).demoCommand(),
  machine: async () => (await import('./machine.js')).machineCommand(),
  diagram: async () => (await import('./diagram.js')).diagramCommand(),
  docs: async () => (await import('./docs.js')).docsCommand(),
  diff: async () => (await import('./diff.js')).diffCommand(),
  explain: async () => (await import('./explain.js')).explainCommand(),
  plan: async () => (await import('./plan.js')).planCommand(),
  check: async () => (await import('./check.js')).checkCommand(),
  coverage: async () => (await import('./coverage.js')).coverageCommand(),
  migrate: async () => (await import('./migrate.js')).migrateCommand(),
  relay: async () => (await import('./relay.js')).relayCommand(),
  serve: async () => (await import('./serve.js')).serveCommand(),
  token: async () => (await import('./token.js')).tokenCommand(),
  outbox: async () => (await import('./outbox.js')).outboxCommand(),
  buses: async () => (await import('./buses.js')).busesCommand(),
  deadlines: async () => (await import('./deadlines.js')).deadlinesCommand(),
  'dead-letters': async () => (await import('./dead-letters.js')).deadLettersCommand(),
  replay: async () => (await import('./replay.js')).replayCommand(),
  tail: async () => (await import('./tail.js')).tailCommand(),
  trace: async () => (await import('./trace.js')).traceCommand(),
  catalog: async () => (await import('./catalog.js')).catalogCommand(),
  completion: async () => (await import('./completion.js')).completionCommand(),
};
