import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { postgresTransitions } from './postgres.mjs';
import { markdown } from './report.mjs';
import { stepAgainstXState } from './step.mjs';

const help = `Measures Signalbox against the same job written by hand, in alternating rounds.

  npm run bench -- [--only <text>] [--rounds 5] [--seconds 2] [--callers 1,64,256] [--json]

  --only     run the suites whose name contains the text
  --rounds   rounds for each contender; the median and the range are told
  --seconds  seconds of each round
  --callers  how many callers at once, each waiting for its own transition
  --json     one JSON object instead of Markdown

  npm run bench -- --only postgres --callers 256 --seconds 5`;

/** name -> suite. Each resolves with `{ settings, tables }`. */
const suites = {
  'PostgreSQL: one transition with its event': postgresTransitions,
  'Core: one step in memory': stepAgainstXState,
};

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    callers: { type: 'string', default: '1,64,256' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(help);
} else {
  const wanted = Object.keys(suites).filter((title) =>
    title.toLowerCase().includes(options.only.toLowerCase()),
  );
  if (wanted.length === 0) {
    throw new Error(
      `No suite is named like '${options.only}'. There are: ${Object.keys(suites).join('; ')}`,
    );
  }
  const log = (line) => process.stderr.write(`${line}\n`);
  const reports = [];
  for (const title of wanted) {
    const report = await suites[title]({
      rounds: Number(options.rounds),
      seconds: Number(options.seconds),
      callers: options.callers.split(',').map(Number),
      log,
    });
    reports.push({ title, ...report });
    if (!options.json) console.log(markdown(reports.at(-1)));
  }
  if (options.json) {
    const machine = { node: process.version, cores: availableParallelism() };
    console.log(JSON.stringify({ machine, suites: reports }));
  }
}
