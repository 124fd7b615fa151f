// Writes docs/errors.md from src/core/errors/codes.ts (`--write`), or fails when it is old (`--check`).
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createJiti } from 'jiti';

const root = resolve(import.meta.dirname, '..');
const page = join(root, 'docs/errors.md');

const { errorCodes } = await createJiti(import.meta.url).import('../src/core/errors/codes.ts');

/** The groups are the `// Title: Class` comments between the codes. */
function groups() {
  const source = readFileSync(join(root, 'src/core/errors/codes.ts'), 'utf8');
  /** @type {{ title: string, codes: string[] }[]} */
  const found = [];
  for (const line of source.split('\n')) {
    const title = /^ {2}\/\/ (.+)$/.exec(line)?.[1];
    if (title !== undefined) found.push({ title, codes: [] });
    const code = /^ {2}([A-Z][A-Z_]+):/.exec(line)?.[1];
    if (code !== undefined) found.at(-1)?.codes.push(code);
  }
  const grouped = found.flatMap(({ codes }) => codes);
  const missed = Object.keys(errorCodes).filter((code) => !grouped.includes(code));
  if (missed.length > 0) throw new Error(`codes.ts: under no group comment: ${missed.join(', ')}`);
  return found;
}

function render() {
  const sections = groups().flatMap(({ title, codes }) => [
    `## ${title}`,
    '',
    '| code | what it means, and what to do |',
    '| --- | --- |',
    ...codes.map((code) => `| \`${code}\` | ${errorCodes[code].replaceAll('|', '\\|')} |`),
    '',
  ]);
  return [
    '<!-- Generated from src/core/errors/codes.ts by scripts/errors-page.mjs; do not edit. -->',
    '',
    '# Errors',
    '',
    'Catch the class to decide what to do; read `code` to know exactly what happened. Codes are stable',
    'over releases, messages are not. Where a second class may carry a code, its row says so. A refusal is',
    'data, as `explain` and `step` return it, and carries a code of this table too.',
    '',
    ...sections,
  ].join('\n');
}

const [mode] = process.argv.slice(2);
if (mode === '--write') {
  writeFileSync(page, render());
  console.log('docs/errors.md: written');
} else if (mode === '--check') {
  let present = '';
  try {
    present = readFileSync(page, 'utf8');
  } catch {
    // A page that is missing is as old as can be.
  }
  if (present !== render()) {
    console.error('docs/errors.md is old. Run: node scripts/errors-page.mjs --write');
    process.exitCode = 1;
  } else console.log(`docs/errors.md holds all ${Object.keys(errorCodes).length} codes`);
} else {
  console.error('Usage: node scripts/errors-page.mjs --check | --write');
  process.exitCode = 2;
}
