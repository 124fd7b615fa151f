// Draws in docs/architecture.md which group of sources imports which, from the code. `--check` compares instead
// of writing. The linter forbids the arrows that must not be (.oxlintrc.json); this page shows those that are.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, normalize, relative, resolve } from 'node:path';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '..');
const page = join(root, 'docs/architecture.md');
const [begin, end] = ['<!-- drawn -->', '<!-- /drawn -->'];

/** Groups by layer, the lowest last. A group is a folder of src/, or a part of one that is a layer of its own. */
const layers = [
  ['cli', 'config'],
  ['signalbox', 'testing', 'tools'],
  ['consuming', 'operations', 'outside', 'server'],
  ['delivery/relay'],
  ['persistence', 'delivery'],
  ['context'],
  ['core'],
];
const groups = layers.flat().toSorted((a, b) => b.length - a.length);

function groupOf(path) {
  const inside = relative('src', path);
  return groups.find((group) => inside.startsWith(`${group}/`));
}

/** How many imports lead from one group to another. */
function arrows() {
  const found = new Map();
  for (const entry of readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const path = relative(root, join(entry.parentPath, entry.name));
    const from = groupOf(path);
    for (const { fileName } of ts.preProcessFile(readFileSync(join(root, path), 'utf8'))
      .importedFiles) {
      if (!fileName.startsWith('.')) continue;
      const to = groupOf(normalize(join(path, '..', fileName)));
      if (from === undefined || to === undefined || from === to) continue;
      const key = `${from} ${to}`;
      found.set(key, (found.get(key) ?? 0) + 1);
    }
  }
  return found;
}

function drawing() {
  const id = (group) => group.replace('/', '_');
  const levels = new Map(layers.flatMap((layer, index) => layer.map((group) => [group, index])));
  const drawn = [...arrows().keys()].toSorted((a, b) => (a < b ? -1 : 1));
  const upward = drawn.filter((key) => {
    const [from, to] = key.split(' ');
    return levels.get(from) > levels.get(to);
  });
  if (upward.length > 0) throw new Error(`Arrows that run upwards: ${upward.join(', ')}`);
  return [
    begin,
    '',
    '```mermaid',
    'flowchart TB',
    ...layers.map(
      (layer, index) =>
        `  subgraph l${index}[" "]\n${layer.map((group) => `    ${id(group)}["${group}"]`).join('\n')}\n  end`,
    ),
    ...drawn.map((key) => `  ${key.split(' ').map(id).join(' --> ')}`),
    '```',
    '',
    end,
  ].join('\n');
}

const text = readFileSync(page, 'utf8');
const [before] = text.split(begin);
const [, after] = text.split(end);
const next = `${before}${drawing()}${after}`;
if (process.argv.includes('--check')) {
  if (next !== text) {
    console.error('docs/architecture.md is stale: run `npm run docs`.');
    process.exitCode = 1;
  }
} else writeFileSync(page, next);
