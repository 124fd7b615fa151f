import { parseArgs } from 'node:util';
import { machine } from './machine.mjs';
import { machineLine, settingsList, suiteReport, table } from './report.mjs';
import { suites } from './suites/index.mjs';
import { writePage } from './write-page.mjs';

const help = `Measures Signalbox against the same job done without it, in alternating rounds.

  npm run bench -- [--only <name>] [--rounds 3] [--seconds 2] [--scale 1] [--json] [--write <page>]

  --only     run the suites of these names, divided by commas
  --rounds   rounds for each contender; the median and the range are told
  --seconds  seconds of each round
  --scale    a part of the usual amount of data, such as 0.01 for a quick look
  --json     one JSON object instead of Markdown, with every sample
  --write    put the table between the markers of a page, such as docs/performance.md
  --list     tell the suites

  npm run bench -- --only postgres,relay --seconds 5`;

/** What was asked for is no bench: told without a stack trace, and nothing is measured. */
class WrongOption extends Error {}

const options = optionsOf({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    scale: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    write: { type: 'string' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(help);
} else if (options.list) {
  for (const { name, title } of suites) console.log(`${name.padEnd(14)} ${title}`);
} else {
  await measure().catch(refuse);
}

function optionsOf(config) {
  try {
    return parseArgs(config).values;
  } catch (error) {
    return refuse(new WrongOption(error.message));
  }
}

function refuse(error) {
  if (!(error instanceof WrongOption)) throw error;
  console.error(`${error.message}\n\`npm run bench -- --help\` tells the options.`);
  process.exit(2);
}

async function measure() {
  const settings = {
    rounds: positive('rounds'),
    seconds: positive('seconds'),
    scale: positive('scale'),
    log: (line) => process.stderr.write(`${line}\n`),
  };
  const reports = [];
  const chosen = chosenSuites();
  for (const [index, { name, title, run }] of chosen.entries()) {
    settings.log(`${index + 1} of ${chosen.length}, ${name}: ${title}`);
    reports.push({ name, title, ...(await run(settings)) });
    if (!options.json) console.log(suiteReport(reports.at(-1)));
  }
  if (options.json) {
    console.log(JSON.stringify({ machine: machine(), suites: reports }));
  } else {
    console.log(`# All figures\n\n${page(reports, settings)}`);
  }
  if (options.write !== undefined) await writePage(options.write, page(reports, settings));
}

function page(reports, { rounds, seconds, scale }) {
  const how = `${rounds} rounds of ${seconds} s${scale === 1 ? '' : `, ${scale} of the usual data`}`;
  return [
    `${machineLine(machine())} ${how}.`,
    table(reports),
    'Settings:',
    settingsList(reports),
  ].join('\n\n');
}

function chosenSuites() {
  if (options.only === '') return suites;
  const wanted = options.only.split(',');
  const unknown = wanted.filter((each) => !suites.some(({ name }) => name === each));
  if (unknown.length > 0) {
    throw new WrongOption(
      `No suite is named ${unknown.join(', ')}. There are: ${suites.map(({ name }) => name).join(', ')}`,
    );
  }
  return suites.filter(({ name }) => wanted.includes(name));
}

function positive(name) {
  const value = Number(options[name]);
  if (value > 0) return value;
  throw new WrongOption(`--${name} is a number above 0, not '${options[name]}'`);
}
