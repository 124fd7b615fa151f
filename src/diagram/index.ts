/**
 * Diagrams of a lifecycle, from the same declaration that moves the resources.
 *
 * @module
 */
export { dot } from './dot.js';
export type { DrawnMachine } from './graph.js';
export { mermaid } from './mermaid.js';
export type { DiagramOptions, DrawnStep } from './options.js';
export { plantuml } from './plantuml.js';
export { svg } from './svg.js';
