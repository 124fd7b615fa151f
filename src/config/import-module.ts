import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createJiti } from 'jiti';
import type { JitiOptions, TransformOptions } from 'jiti';
import { ConfigurationError } from '../core/errors/errors.js';
import { compile, compilerNear } from './compiler.js';
import { projectFolders } from './project-folders.js';
import { tellDecoratedFields, type DecoratedField } from './decorated-fields.js';

type Transform = NonNullable<JitiOptions['transform']>;

const typeScriptFile = /\.[cm]?ts$/;

/**
 * Imports a JavaScript or TypeScript file of the user's. TypeScript goes through the user's own
 * compiler where one is installed that programs can call; else its types are stripped, which refuses
 * decorated fields: ConfigurationError ARGUMENT_INVALID. Rejects with what the file throws.
 */
export async function importModule(path: string): Promise<Record<string, unknown>> {
  const jiti = createJiti(import.meta.url, withoutCache);
  // Found only when a file asks for it: a package is run when it is loaded.
  let near: ReturnType<typeof compilerNear> | undefined;
  const readTypeScript = (options: TransformOptions): string => {
    near ??= compilerNear(path);
    const { compiler, without } = near;
    return compiler === undefined
      ? stripTypes(jiti.transform, options, without)
      : jiti.transform({
          ...options,
          ts: false,
          source: compile(compiler, options.source, options.filename),
        });
  };
  const transform: Transform = (options) => ({
    code: typeScriptFile.test(options.filename ?? '')
      ? readTypeScript(options)
      : jiti.transform(options),
  });
  const tsconfigPaths = tsconfigOf(path);
  return createJiti(import.meta.url, {
    ...withoutCache,
    ...(tsconfigPaths === undefined ? {} : { tsconfigPaths }),
    transform,
  }).import(path);
}

/** The tsconfig.json of the file's project, whose `paths` its imports may go by. */
function tsconfigOf(path: string): string | undefined {
  return projectFolders(path)
    .map((folder) => join(folder, 'tsconfig.json'))
    .find((file) => existsSync(file));
}

/**
 * Its folder would be one below the system's for temporary files, where others can plant what we run;
 * and what one compiler made must not be served where there is another, or none.
 */
const withoutCache: JitiOptions = { fsCache: false, esmEvalTempFile: false };

function stripTypes(
  transform: (options: TransformOptions) => string,
  options: TransformOptions,
  without: string | undefined,
): string {
  const fields: DecoratedField[] = [];
  const code = transform({ ...options, ...tellDecoratedFields((field) => fields.push(field)) });
  const [first] = fields;
  if (first === undefined) return code;
  throw decorated(first, basename(options.filename ?? 'file.ts'), without);
}

/** The stripper's own way with such fields is to fail when the class is made, or to guess their types. */
function decorated(
  { name, line }: DecoratedField,
  file: string,
  without: string | undefined,
): ConfigurationError {
  const [lack, remedy] =
    without === undefined
      ? ['none is installed beside it', 'Install `typescript@6`']
      : [
          `TypeScript ${without} beside it has no API to compile with`,
          'Install `@typescript/typescript6` beside it, or `typescript@6` in its place',
        ];
  return new ConfigurationError(
    'ARGUMENT_INVALID',
    `${file}:${line} decorates '${name}', which takes the compiler of TypeScript 5 or 6: ${lack}. ` +
      `${remedy}, or give the compiled .js file.`,
    { parameters: { file, line } },
  );
}
