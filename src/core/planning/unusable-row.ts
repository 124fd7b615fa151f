import { ConfigurationError, RefusedError } from '../errors/errors.js';
import { attributesSchema } from '../events/schemas.js';
import type { AnyLifecycle } from '../lifecycle/lifecycle.js';

/** The last revision of a resource: its events carry no larger one. */
export const largestRevision: number = attributesSchema.properties.revision.maximum;

/** Pure. The error for a row whose state or revision is NULL; undefined where both are there. */
export function incompleteRow(
  { resource, lifecycle }: { readonly resource: string; readonly lifecycle: AnyLifecycle },
  { uuid, missing }: { readonly uuid: string; readonly missing?: 'state' | 'revision' },
): ConfigurationError | undefined {
  if (missing === undefined) return undefined;
  const remedy =
    missing === 'state'
      ? `one of ${clippedList(lifecycle.states.map(({ name }) => name))}`
      : 'the revision of its last event in the journal, or 1 without one';
  return new ConfigurationError(
    'ROW_INCOMPLETE',
    `The row of ${resource} ${uuid} is there, but its ${missing} is NULL, so nobody knows where it stands. ` +
      `Something wrote past Signalbox. Set its ${missing} to ${remedy}, and declare the column NOT NULL.`,
    { parameters: { resource, uuid, missing } },
  );
}

/** Pure. The error for a row that has no revision left for another event; undefined where it has. */
export function revisionsExhausted(
  { resource }: { readonly resource: string },
  { uuid, revision }: { readonly uuid: string; readonly revision: number },
): RefusedError | undefined {
  if (revision < largestRevision) return undefined;
  return RefusedError.of(
    'REVISION_EXHAUSTED',
    `${resource} ${uuid} is at revision ${revision}, and no event carries one beyond ${largestRevision}. ` +
      'Create the resource anew under another uuid, or have somebody correct the revision in its row.',
    { resource, uuid, revision, largest: largestRevision },
  );
}

function clippedList(names: readonly string[]): string {
  return names.length <= 20 ? names.join(', ') : `${names.slice(0, 20).join(', ')}, …`;
}
