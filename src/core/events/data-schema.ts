import type { Category } from './category.js';

/** The URI that identifies the schema of a category's `data`. Pure; stable over releases. */
export function dataSchema(category: Category): string {
  return `https://signalbox.dev/schemas/${category}/1`;
}
