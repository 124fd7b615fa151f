// Writes docs/errors.md from src/core/errors/codes.ts (`--write`), or fails when it is old (`--check`).
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createJiti } from 'jiti';

const root = resolve(import.meta.dirname, '..');
const page = join(root, 'docs/errors.md');

const { errorClasses, errorCodes } = await createJiti(import.meta.url, { fsCache: false }).import(
  '../src/core/errors/codes.ts',
);

function render() {
  const classes = Object.entries(errorClasses);
  const sections = classes.flatMap(([name, { title, remedy, codes }]) => [
    `## ${title}: ${name}`,
    '',
    remedy,
    '',
    '| code | what it means, and what to do |',
    '| --- | --- |',
    ...Object.entries(codes).map(([code, text]) => `| \`${code}\` | ${cell(text)} |`),
    '',
  ]);
  return [
    '<!-- Generated from src/core/errors/codes.ts by scripts/errors-page.mjs; do not edit. -->',
    '',
    '# Errors',
    '',
    'Catch the class to decide what to do; read `code` to know exactly what happened. A code belongs to one',
    'class. Codes are stable over releases, messages are not. `retryable` is true where the same request may',
    'succeed when it is repeated, and does no harm. A refusal is data, as `explain` and `step` return it, and',
    'carries a code of this page too.',
    '',
    '## Classes',
    '',
    '| class | what the caller does | `retryable` | HTTP |',
    '| --- | --- | --- | --- |',
    ...classes.map(
      ([name, { remedy, retryable, httpStatus }]) =>
        `| \`${name}\` | ${cell(remedy)} | ${retryable ? 'yes' : 'no'} | ${httpStatus} |`,
    ),
    '',
    'Import the classes from `signalbox`; `MethodFailedError` from `signalbox/rpc`. A `ServiceError`, of a',
    'service of yours, carries your codes, and says by `retryable` of its own whether calling again helps.',
    '',
    ...sections,
  ].join('\n');
}

function cell(text) {
  return text.replaceAll('|', '\\|');
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
