import { createRequire } from 'node:module';
import { createJiti } from 'jiti';
import type { JitiOptions } from 'jiti';

type TypeScript = typeof import('typescript');

/**
 * Imports a JavaScript or TypeScript file of the user's. TypeScript goes through the user's own
 * compiler where it is installed, because entities carry decorators that no type-stripper knows; else
 * through a stripper. Rejects with what the file throws.
 */
export async function importModule(path: string): Promise<Record<string, unknown>> {
  const jiti = createJiti(import.meta.url);
  const typescript = compilerNear(path);
  if (typescript === undefined) {
    return jiti.import(path);
  }
  const transform: JitiOptions['transform'] = (options) =>
    /\.[cm]?ts$/.test(options.filename ?? '')
      ? {
          code: jiti.transform({
            ...options,
            ts: false,
            source: compile(typescript, options.source, options.filename),
          }),
        }
      : { code: jiti.transform(options) };
  return createJiti(import.meta.url, { transform, fsCache: false }).import(path);
}

function compile(typescript: TypeScript, source: string, fileName = 'file.ts'): string {
  const { transpileModule, flattenDiagnosticMessageText, ModuleKind, ScriptTarget } = typescript;
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

function compilerNear(path: string): TypeScript | undefined {
  try {
    return createRequire(path)('typescript') as TypeScript;
  } catch {
    return undefined;
  }
}
