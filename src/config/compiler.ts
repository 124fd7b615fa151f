import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { projectFolders } from './project-folders.js';

type TypeScript = typeof import('typescript');

/** The second holds TypeScript 6 for programs, beside a `typescript` whose package has no such API. */
const packages = ['typescript', '@typescript/typescript6'];

/**
 * The compiler that is installed in the project of a file, or the version of one that programs cannot
 * call, as of TypeScript 7. Neither where none is installed. Loads, and so runs, the first that it finds.
 */
export function compilerNear(path: string): {
  readonly compiler?: TypeScript;
  readonly without?: string;
} {
  const folders = projectFolders(path);
  let without: string | undefined;
  for (const name of packages) {
    const found = load(folders, name);
    if (isCompiler(found)) return { compiler: found };
    without ??= found?.version;
  }
  return without === undefined ? {} : { without };
}

function load(folders: readonly string[], name: string): Partial<TypeScript> | undefined {
  const folder = folders.find((each) => existsSync(join(each, 'node_modules', name)));
  if (folder === undefined) return undefined;
  try {
    return createRequire(join(folder, 'file.js'))(name) as Partial<TypeScript>;
  } catch {
    return undefined;
  }
}

function isCompiler(found: Partial<TypeScript> | undefined): found is TypeScript {
  return typeof found?.transpileModule === 'function';
}

/** Compiles one file, decorators and the types of what they decorate with it. Throws SyntaxError. */
export function compile(compiler: TypeScript, source: string, fileName = 'file.ts'): string {
  const { transpileModule, flattenDiagnosticMessageText, ModuleKind, ScriptTarget } = compiler;
  const { outputText, diagnostics = [] } = transpileModule(source, {
    fileName,
    reportDiagnostics: true,
    compilerOptions: {
      module: ModuleKind.ESNext,
      target: ScriptTarget.ES2022,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
      useDefineForClassFields: false,
      verbatimModuleSyntax: false,
    },
  });
  // The compiler writes something even for what is no program.
  const fault = diagnostics.find(({ file }) => file !== undefined);
  if (fault?.file === undefined) return outputText;
  const { line } = fault.file.getLineAndCharacterOfPosition(fault.start ?? 0);
  throw new SyntaxError(
    `${fileName}:${line + 1}: ${flattenDiagnosticMessageText(fault.messageText, ' ')}`,
  );
}
