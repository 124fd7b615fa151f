import { graphOf } from './graph-of.js';
import type { DrawnMachine } from './graph.js';
import type { DiagramOptions } from './options.js';
import { plantumlText } from './plantuml-text.js';

/**
 * Draws a lifecycle as a PlantUML state diagram. Pure; ends with a line break. Names may hold anything:
 * what PlantUML would take for syntax or formatting is escaped. Throws ConfigurationError
 * ARGUMENT_INVALID when `options.around` or `highlight` names an unknown state.
 *
 * @example
 * ```ts
 * await writeFile('volume.puml', plantuml(volume)); // then: plantuml volume.puml
 * ```
 */
export function plantuml(lifecycle: DrawnMachine, options: DiagramOptions = {}): string {
  return plantumlText(graphOf(lifecycle, options));
}
