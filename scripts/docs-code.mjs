// Holds the code blocks of the documentation to the files they come from, which run as tests.
//
//   <!-- from: examples/load-balancer.ts#lifecycle -->
//   ```ts
//   …the lines between each `// #region lifecycle` and its `// #endregion`…
//   ```
//
// `--check` fails when a block differs, `--write` mends it. Without `#region` the whole file is meant.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(import.meta.dirname, '..');
const block = /^<!-- from: (\S+?)(?:#(\S+))? -->\n+(```[^\n]*\n)([\s\S]*?)^```$/gm;

/** The page with every marked block replaced by its source. Throws when a file or a region is missing. */
export function withCurrentCode(page, readSource) {
  return page.replace(block, (whole, file, region, fence, code) => {
    const current = regionOf(readSource(file), region, file);
    return whole.replace(`${fence}${code}`, () => `${fence}${current}`);
  });
}

function regionOf(source, region, file) {
  if (region === undefined) return source.endsWith('\n') ? source : `${source}\n`;
  const lines = source.split('\n');
  const starts = lines.flatMap((line, index) =>
    line.trim() === `// #region ${region}` ? [index] : [],
  );
  if (starts.length === 0) throw new Error(`${file} has no "// #region ${region}"`);
  // Parts of one region, such as the imports and the body of a test, follow each other.
  return starts.map((start) => dedent(bodyFrom(lines, start, file, region))).join('\n');
}

function bodyFrom(lines, start, file, region) {
  const length = lines.slice(start).findIndex((line) => line.trim() === '// #endregion');
  if (length === -1) throw new Error(`${file}: "// #region ${region}" has no "// #endregion"`);
  return lines.slice(start + 1, start + length);
}

function dedent(body) {
  const first = body.findIndex((line) => line.trim() !== '');
  const last = body.findLastIndex((line) => line.trim() !== '');
  const trimmed = body.slice(first, last + 1);
  const indents = trimmed.filter((line) => line.trim() !== '').map((line) => line.search(/\S/));
  const indent = Math.min(...indents);
  return trimmed.map((line) => `${line.slice(indent)}\n`).join('');
}

/** Every Markdown page of the documentation. */
function pages() {
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' });
  const files = [...readdirSync(root), ...inDocs.map((name) => join('docs', name))];
  return files.filter((name) => name.endsWith('.md')).map((name) => join(root, name));
}

function main(write) {
  let stale = 0;
  let blocks = 0;
  for (const file of pages()) {
    const name = relative(root, file);
    const page = readFileSync(file, 'utf8');
    const marks = page.match(/^<!-- from: /gm)?.length ?? 0;
    const matched = page.match(block)?.length ?? 0;
    blocks += matched;
    if (marks !== matched) throw new Error(`${name} has a "<!-- from: -->" without a code block`);
    const current = withCurrentCode(page, (source) => readFileSync(join(root, source), 'utf8'));
    if (current === page) continue;
    if (write) {
      writeFileSync(file, current);
      console.log(`${name}: updated`);
    } else {
      stale += 1;
      console.error(`${name}: a code block differs from its source`);
    }
  }
  if (stale > 0) {
    console.error('Run: node scripts/docs-code.mjs --write');
    return 1;
  }
  console.log(`${blocks} code blocks equal their sources`);
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [mode] = process.argv.slice(2);
  if (mode === '--check' || mode === '--write') {
    try {
      process.exitCode = main(mode === '--write');
    } catch (error) {
      console.error(error.message);
      process.exitCode = 1;
    }
  } else {
    console.error('Usage: node scripts/docs-code.mjs --check | --write');
    process.exitCode = 2;
  }
}
