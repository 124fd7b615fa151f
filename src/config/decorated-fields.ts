import type { TransformOptions } from 'jiti';

/** A field of a class with a decorator, such as a column. */
export interface DecoratedField {
  readonly name: string;
  readonly line: number;
}

/** The part of a syntax tree of Babel that is read here. */
interface Field {
  readonly decorators?: readonly unknown[] | null;
  readonly key: { readonly name?: string };
  readonly loc?: { readonly start: { readonly line: number } } | null;
}
interface Program {
  traverse(visitor: { ClassProperty(path: { readonly node: Field }): void }): void;
}

/** Options for jiti's own transform that tell of every decorated field before anything is changed. */
export function tellDecoratedFields(
  found: (field: DecoratedField) => void,
): Pick<TransformOptions, 'babel'> {
  const visitor = {
    Program(program: Program): void {
      program.traverse({
        ClassProperty: ({ node: { decorators, key, loc } }) => {
          if ((decorators ?? []).length === 0) return;
          found({ name: key.name ?? 'a field', line: loc?.start.line ?? 1 });
        },
      });
    },
  };
  return { babel: { plugins: [{ visitor }] } };
}
