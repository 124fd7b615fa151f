#!/usr/bin/env node
// Addresses on the command line hold passwords, and every user of the machine can list its processes.
// All else is imported after it: to load it takes longer than a listing.
process.title = 'signalbox';

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read (`| head`) has enough. What is under way ends as it would; nobody sees the rest.
  if (error.code !== 'EPIPE') throw error;
});

const { run } = await import('./run.js');

process.exitCode = await run(process.argv.slice(2));

// What was preloaded may hold a server or a connection open, as exporters of metrics do. The process ends
// by itself where nothing does, and this does not keep it.
setTimeout(() => process.exit(), 1000).unref();
