/** A suite's results as Markdown, each contender with its ratio to the first one. */
export function markdown({ title, settings, tables }) {
  const facts = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  return [`## ${title}`, '', facts.join(', '), '', ...tables.flatMap(table)].join('\n');
}

function table({ callers, results }) {
  const [first] = results;
  return [
    `| ${callers} ${callers === 1 ? 'caller' : 'callers'} | median /s | range /s | p50 ms | p99 ms | Signalbox is |`,
    '|---|---:|---:|---:|---:|---:|',
    ...results.map(
      (result) =>
        `| ${result.name} | ${whole(result.rate)} | ${whole(result.lowest)} to ${whole(result.highest)} ` +
        `| ${result.p50.toFixed(2)} | ${result.p99.toFixed(2)} ` +
        `| ${result === first ? '' : `${(first.rate / result.rate).toFixed(2)} times`} |`,
    ),
    '',
  ];
}

const whole = (rate) => Math.round(rate).toLocaleString('en-US');
