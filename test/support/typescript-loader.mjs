// Runs TypeScript in a child process: `node --import ./test/support/typescript-loader.mjs script.ts`.
// It is the project's own compiler, file by file, because decorated fields must come out as tsc emits
// them: TypeORM entities do not survive other transpilers (jiti refuses `@Column() name!: string`).
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread, threadId } from 'node:worker_threads';

// Node runs the hooks below in a worker thread, where this file is loaded again.
if (isMainThread) register(import.meta.url);

// Loading the compiler takes most of a child's start, and the crash matrix starts dozens of them.
const cache = new URL('../../node_modules/.cache/signalbox-typescript-loader/', import.meta.url);
const ownText = readFileSync(fileURLToPath(import.meta.url));

export async function resolve(specifier, context, next) {
  if (/^\.{1,2}\/.*\.js$/.test(specifier) && context.parentURL?.startsWith('file:')) {
    const source = new URL(specifier.replace(/\.js$/, '.ts'), context.parentURL);
    if (existsSync(source)) return { url: source.href, shortCircuit: true };
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  const fileName = fileURLToPath(url);
  const text = readFileSync(fileName, 'utf8');
  const digest = createHash('sha256').update(ownText).update(fileName).update(text).digest('hex');
  const kept = new URL(`${digest}.js`, cache);
  const source = existsSync(kept)
    ? readFileSync(kept, 'utf8')
    : await compile(fileName, text, kept);
  return { format: 'module', source, shortCircuit: true };
}

async function compile(fileName, text, kept) {
  const { default: typescript } = await import('typescript');
  const compilerOptions = {
    target: typescript.ScriptTarget.ES2023,
    module: typescript.ModuleKind.ESNext,
    experimentalDecorators: true,
    useDefineForClassFields: false,
    verbatimModuleSyntax: true,
    inlineSourceMap: true,
  };
  const { outputText } = typescript.transpileModule(text, { compilerOptions, fileName });
  mkdirSync(cache, { recursive: true });
  // Written aside and moved: other children may be reading.
  const aside = new URL(`${process.pid}-${threadId}-${kept.pathname.split('/').at(-1)}`, cache);
  writeFileSync(aside, outputText);
  renameSync(aside, kept);
  return outputText;
}
