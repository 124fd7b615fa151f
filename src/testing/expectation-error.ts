// The frames of the kit itself say nothing to the reader of a failed test.
// A bundle has no place of its own; its frames are the program's.
const ownFrames = URL.canParse('.', import.meta.url)
  ? new URL('.', import.meta.url).pathname
  : '\n';

/** An expected and an actual value. */
export interface Expectation {
  readonly expected: unknown;
  readonly actual: unknown;
  /** The assertion that failed, such as `then`. */
  readonly operator: string;
}

/**
 * An expectation of the test kit that was not met. It has the shape of the AssertionError of
 * `node:assert`, so that Vitest, Jest and node:test each count it as a failed assertion and show the
 * difference between `expected` and `actual`.
 */
export class ExpectationError extends Error {
  // Written in the style of node:assert: by this code and name the runners know an assertion.
  override readonly name = 'AssertionError';
  readonly code = 'ERR_ASSERTION';
  /** False: the message was written for the reader and is to be shown. */
  readonly generatedMessage = false;
  readonly expected: unknown;
  readonly actual: unknown;
  readonly operator: string;

  /** @internal */
  constructor(message: string, expectation: Expectation) {
    super(message);
    this.expected = expectation.expected;
    this.actual = expectation.actual;
    this.operator = expectation.operator;
    this.stack = this.stack
      ?.split('\n')
      .filter((line) => !/^\s+at /.test(line) || !line.includes(ownFrames))
      .join('\n');
  }
}
