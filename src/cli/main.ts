#!/usr/bin/env node
// Addresses on the command line hold passwords, and every user of the machine can list its processes.
// All else is imported after it: to load it takes longer than a listing.
process.title = 'signalbox';

let outputFailed = false;

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read (`| head`) has enough. What is under way ends as it would; nobody sees the rest.
  if (error.code === 'EPIPE' || outputFailed) return;
  outputFailed = true;
  process.exitCode = 2;
  process.stderr.write(
    `signalbox: The output cannot be written (${error.code ?? error.message}). Make room, or send it elsewhere.\n`,
  );
});

const args = process.argv.slice(2);
const code = await runOrVersion();
// An answer that nobody got is no answer: neither done nor errors found.
process.exitCode = outputFailed ? 2 : code;

// What was preloaded may hold a server or a connection open, as exporters of metrics do. The process ends
// by itself where nothing does, and this does not keep it.
setTimeout(() => process.exit(), 1000).unref();

/** The version is told without loading any command. */
async function runOrVersion(): Promise<number> {
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
    const { packageVersion } = await import('./package-version.js');
    process.stdout.write(`${packageVersion()}\n`);
    return 0;
  }
  const { run } = await import('./run.js');
  return run(args);
}
