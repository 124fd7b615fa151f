/** Every figure of every suite as one Markdown table. */
export function table(reports) {
  return [
    '| figure | Signalbox | reference | ratio: median (range) | goal | |',
    '|---|---:|---:|---:|---:|---|',
    ...reports.flatMap(({ figures }) => figures.map(row)),
  ].join('\n');
}

/** Under which settings each suite ran. */
export function settingsList(reports) {
  return reports.map(({ title, settings }) => `- ${title}: ${pairs(settings)}`).join('\n');
}

/** One suite for the terminal. */
export function suiteReport({ title, settings, figures }) {
  return [`## ${title}`, '', pairs(settings), '', table([{ figures }]), ''].join('\n');
}

/** The machine, without a name that would tell whose. */
export function machineLine({ date, node, cores, memory, platform }) {
  return `Measured ${date}: ${cores} cores, ${memory} GB, ${platform}, Node.js ${node}.`;
}

function row({ name, unit, subject, reference, ratio, goal, met }) {
  const goalText =
    goal === undefined
      ? ''
      : goal.least === undefined
        ? `≤ ${number(goal.most)} ×`
        : `≥ ${number(goal.least)} ×`;
  return (
    `| ${name} | ${number(subject.median)} ${unit} ` +
    `| ${reference === undefined ? '' : `${number(reference.median)} ${unit}, ${reference.name}`} ` +
    `| ${number(ratio.median)} (${number(ratio.lowest)} to ${number(ratio.highest)}) ` +
    `| ${goalText} | ${met === undefined ? '' : met ? 'met' : 'not met'} |`
  );
}

const pairs = (settings) =>
  Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');

/** Three digits, or all before the point. */
function number(value) {
  return value >= 100
    ? Math.round(value).toLocaleString('en-US')
    : Number(value.toPrecision(3)).toString();
}
