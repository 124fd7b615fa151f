import { parseArgs } from 'node:util';
import { suites } from './suites/index.mjs';

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

/** What to measure and how; ends the process when that is told already, or the options are wrong. */
export function readOptions(args) {
  try {
    const options = parsed(args);
    if (options.help) tell(help);
    if (options.list)
      tell(suites.map(({ name, title }) => `${name.padEnd(14)} ${title}`).join('\n'));
    return {
      rounds: positive('rounds', options),
      seconds: positive('seconds', options),
      scale: positive('scale', options),
      json: options.json,
      write: options.write,
      chosen: chosenSuites(options),
    };
  } catch (error) {
    if (!(error instanceof WrongOption)) throw error;
    console.error(`${error.message}\n\`npm run bench -- --help\` tells the options.`);
    return process.exit(2);
  }
}

function tell(text) {
  console.log(text);
  process.exit(0);
}

function parsed(args) {
  try {
    return parseArgs({
      args,
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
    }).values;
  } catch (error) {
    throw new WrongOption(error.message, { cause: error });
  }
}

function chosenSuites({ only }) {
  if (only === '') return suites;
  const wanted = only.split(',');
  const unknown = wanted.filter((each) => !suites.some(({ name }) => name === each));
  if (unknown.length > 0) {
    throw new WrongOption(
      `No suite is named ${unknown.join(', ')}. There are: ${suites.map(({ name }) => name).join(', ')}`,
    );
  }
  return suites.filter(({ name }) => wanted.includes(name));
}

function positive(name, options) {
  const value = Number(options[name]);
  if (value > 0) return value;
  throw new WrongOption(`--${name} is a number above 0, not '${options[name]}'`);
}
