// Makes what is published of what the compiler wrote: `build/` to `dist/` (docs/decisions/0023-bundled.md).
//
// A program that imports the package then reads a few files instead of hundreds. The entry points are those of
// package.json, the command, and the child process of the crash kit. Modules are moved and never copied, so a
// class is one class from whichever entry point it comes.
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { rolldown } from 'rolldown';

const root = resolve(import.meta.dirname, '..');
const build = join(root, 'build');
const dist = join(root, 'dist');
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const published = Object.values(exports).flatMap(({ types, default: file }) =>
  types === undefined
    ? []
    : [
        [
          file.slice('./dist/'.length, -'.js'.length),
          types.slice('./dist/types/'.length, -'.d.ts'.length),
        ],
      ],
);
const entries = Object.fromEntries([
  ...published,
  ['cli', 'src/cli/main'],
  ['crash-child', 'src/testing/crash/crash-child'],
]);

/** Packages that take long to load, the longest first, and the chunk of what leads to them. */
const heavy = { typeorm: 'store', xstate: 'lifecycle', uuid: 'identity' };

/**
 * The chunk of a module that `signalbox` loads, by the heaviest package it leads to: who imports only
 * `signalbox/rpc` must not wait for TypeORM. Chunks then depend on each other as packages do, one way. Other
 * modules are left to the bundler, which puts together what the same entry points share.
 */
function chunkOf(id, modules) {
  const index = join(build, 'src/index.js');
  if (id === index || !reached(index, modules).has(id)) return null;
  const heaviest = Object.keys(heavy).find((name) => reached(id, modules).has(name));
  return heavy[heaviest] ?? 'core';
}

const reachedFrom = new Map();

/** Every module and package that a module loads before it runs. */
function reached(id, modules) {
  const known = reachedFrom.get(id);
  if (known !== undefined) return known;
  const found = new Set([id]);
  for (const one of found) {
    for (const imported of modules.getModuleInfo(one)?.importedIds ?? []) found.add(imported);
  }
  reachedFrom.set(id, found);
  return found;
}

const outside = (id) => !id.startsWith('.') && !isAbsolute(id);
const input = (names) =>
  Object.fromEntries(
    Object.entries(names).map(([name, path]) => [name, join(build, `${path}.js`)]),
  );
const onLog = (level, log) => {
  if (level === 'warn') throw new Error(log.message);
};
// Their comments are in the declarations, where editors look for them.
const comments = { legal: true, annotation: true, jsdoc: false };

/** Resolves with the files it has written to `dist/`. */
async function bundle() {
  const bundled = await rolldown({
    input: input(entries),
    cwd: root,
    platform: 'node',
    external: outside,
    onLog,
  });
  const { output } = await bundled.write({
    dir: dist,
    comments,
    keepNames: true,
    chunkFileNames: '[name].chunk.js',
    codeSplitting: { groups: [{ name: chunkOf, debugName: 'by heaviest package' }] },
  });
  return output.map(({ fileName }) => fileName);
}

/** Dependencies that are ES modules only. The CommonJS files contain what they use of these. */
const modulesOnly = /^(?:uuid|typebox)(?:\/|$)/;

/**
 * Writes the same entry points as CommonJS to `dist/cjs/`, for programs that can load no ES modules, such as
 * Jest's. Node.js itself always loads the ES modules, so that a class is one class there.
 */
async function bundleCommonJs() {
  const bundled = await rolldown({
    input: input(Object.fromEntries(published)),
    cwd: root,
    platform: 'node',
    external: (id) => outside(id) && !modulesOnly.test(id),
    onLog,
  });
  const { output } = await bundled.write({
    dir: join(dist, 'cjs'),
    format: 'cjs',
    comments,
    keepNames: true,
    dynamicImportInCjs: false,
    minify: true,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].chunk.cjs',
  });
  return output.map(({ fileName }) => join('cjs', fileName));
}

/** Copies the declarations that a user's compiler can come to, as the compiler wrote them. */
function copyDeclarations() {
  const found = new Set(published.map(([, path]) => join(build, `${path}.d.ts`)));
  for (const path of found) {
    const text = readFileSync(path, 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)\.js['"]/g)) {
      found.add(join(dirname(path), `${specifier}.d.ts`));
    }
  }
  return [...found].map((path) => {
    const fileName = join('types', relative(build, path));
    cpSync(path, join(dist, fileName));
    return fileName;
  });
}

const written = new Set([...(await bundle()), ...(await bundleCommonJs()), ...copyDeclarations()]);
// What an earlier build left is removed only now: a program may be running from `dist/`, and load what it
// has not needed so far.
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (!entry.isDirectory() && !written.has(relative(dist, path))) rmSync(path);
}
