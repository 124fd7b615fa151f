// Follows README's quick start as a reader would, with the packed tarball in an empty folder: writes its
// files, runs its commands and compares the output. Once as CommonJS and once as ES modules.
//
//   node scripts/check-first-page.mjs <tarball>
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [tarball] = process.argv.slice(2);
if (tarball === undefined) {
  console.error('Usage: node scripts/check-first-page.mjs <tarball>');
  process.exit(2);
}
const root = resolve(import.meta.dirname, '..');
const page = readFileSync(join(root, 'README.md'), 'utf8');
const [, section] = /^## Quick start$([\s\S]*?)^## /m.exec(page) ?? [];
if (section === undefined) throw new Error('README.md has no section "Quick start"');

/** The only block of a language in the section. */
function block(language) {
  const found = [
    ...section.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm')),
  ];
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${language}, not one`);
  return found[0][1];
}

/** Compiled once for this repository: compiling it again takes minutes. */
const compiled = ['better-sqlite3', 'bindings', 'file-uri-to-path'];

function follow(type) {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), 'signalbox-first-page-'));
  const run = (command, stdio) =>
    execFileSync('bash', ['-c', command], { cwd: directory, stdio, encoding: 'utf8' });
  try {
    writeFileSync(join(directory, 'app.ts'), block('ts'));
    writeFileSync(join(directory, 'tsconfig.json'), block('json'));
    let printed = '';
    for (const line of block('sh').trim().split('\n')) {
      const command = line
        .replace('signalbox.tgz', resolve(tarball))
        .replace(' better-sqlite3', '');
      console.log(`$ ${command}`);
      if (command.startsWith('node ')) {
        // Here and not before: npm removes what its manifest does not name.
        for (const name of compiled) {
          const from = join(root, 'node_modules', name);
          cpSync(from, join(directory, 'node_modules', name), { recursive: true });
        }
        printed += run(command, ['ignore', 'pipe', 'inherit']);
      } else {
        run(command, ['ignore', 'ignore', 'inherit']);
      }
      if (line.startsWith('npm init')) run(`npm pkg set type=${type}`, 'ignore');
    }
    if (printed !== block('text')) throw new Error(`It printed, as ${type}:\n${printed}`);
    console.log(`as ${type}: prints what the page says, and ends`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

follow('commonjs');
follow('module');
