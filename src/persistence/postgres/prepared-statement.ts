import { createHash } from 'node:crypto';

/** A statement that each connection parses and plans once. */
export interface NamedStatement {
  /** The same text must always have the same name, and no other text. */
  readonly name: string;
  readonly text: string;
}

/** Names a statement by its text. Pure. */
export function namedStatement(text: string): NamedStatement {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return { name: `signalbox_${digest}`, text };
}
