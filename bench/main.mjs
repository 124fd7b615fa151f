import { machine } from './machine.mjs';
import { readOptions } from './options.mjs';
import { machineLine, settingsList, suiteReport, table } from './report.mjs';
import { writePage } from './write-page.mjs';

const { chosen, json, write, ...rounds } = readOptions(process.argv.slice(2));
const settings = { ...rounds, log: (line) => process.stderr.write(`${line}\n`) };
const reports = [];
for (const [index, { name, title, run }] of chosen.entries()) {
  settings.log(`${index + 1} of ${chosen.length}, ${name}: ${title}`);
  reports.push({ name, title, ...(await run(settings)) });
  if (!json) console.log(suiteReport(reports.at(-1)));
}
if (json) {
  console.log(JSON.stringify({ machine: machine(), suites: reports }));
} else {
  console.log(`# All figures\n\n${page(reports, settings)}`);
}
if (write !== undefined) await writePage(write, page(reports, settings));

function page(reports, { rounds, seconds, scale }) {
  const how = `${rounds} rounds of ${seconds} s${scale === 1 ? '' : `, ${scale} of the usual data`}`;
  return [
    `${machineLine(machine())} ${how}.`,
    table(reports),
    'Settings:',
    settingsList(reports),
  ].join('\n\n');
}
