import type { ErrorCode } from '../errors/codes.js';
import { DefinitionError, type ErrorParameters, type Refusal } from '../errors/errors.js';

/** Collects what is wrong with a declaration, so that all of it is told at once. */
export class Faults {
  readonly #found = new Map<string, Refusal>();
  readonly #subject: string;

  /** @param subject What is declared, as messages name it: `Lifecycle Volume`. */
  constructor(subject: string) {
    this.#subject = subject;
  }

  /** Adds a fault. One message is listed once, however many configurations show it. */
  add(code: ErrorCode, message: string, parameters: ErrorParameters = {}): void {
    if (!this.#found.has(message)) this.#found.set(message, { code, message, parameters });
  }

  /** Throws one DefinitionError with every fault, if there is any. */
  throwIfAny(): void {
    const [first, ...rest] = this.#found.values();
    if (first !== undefined) throw new DefinitionError(this.#subject, [first, ...rest]);
  }
}
