import { diffGraph } from './diff-graph.js';
import type { LifecycleDiff } from './lifecycle-diff.js';
import type { DiagramOptions } from './options.js';
import { renderGraph, type PictureFormat } from './render.js';

/**
 * Draws two versions of a lifecycle over each other: green and `+` is new, red and `−` is gone, yellow
 * and `~` has changed. Rejects as the function of the format throws.
 *
 * @example
 * ```ts
 * const picture = await diffDiagram(diffLifecycles(before, after), 'svg');
 * ```
 */
export function diffDiagram(
  diff: LifecycleDiff,
  format: PictureFormat,
  options: DiagramOptions = {},
): Promise<string> {
  return renderGraph(diffGraph(diff, options), format);
}
