/**
 * Diagrams of a lifecycle, from the same declaration that moves the resources.
 *
 * @module
 */
export { dot } from './dot.js';
export { diffLifecycles, type LifecycleDiff } from './lifecycle-diff.js';
export type { ChangeClass, LifecycleChange } from './lifecycle-change.js';
export { diffDiagram } from './diff-diagram.js';
export type { DrawnMachine } from './graph.js';
export { json, type XStateConfig } from './json.js';
export { mermaid } from './mermaid.js';
export type { DiagramOptions, DrawnStep } from './options.js';
export { plantuml } from './plantuml.js';
export { png, type PngOptions } from './png.js';
export { diagram, type DiagramFormat, type PictureFormat } from './render.js';
export { scxml } from './scxml.js';
export { svg } from './svg.js';
export { text } from './text.js';
