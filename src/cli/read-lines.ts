import { StringDecoder } from 'node:string_decoder';
import { ConfigurationError } from '../core/errors/errors.js';

/** The longest line that is read, in UTF-16 units: sixteen times the payload limit of an event. */
export const longestLine = 4 * 1024 * 1024;

/**
 * The lines of a stream of UTF-8, one after another, without their line breaks and without a byte order
 * mark. Reads on only when the caller asks. Throws ConfigurationError ARGUMENT_INVALID for a line over
 * 4 Mi characters, so that a file of another kind does not fill the memory.
 */
export async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let pending = '';
  let first = true;
  for await (const chunk of stream) {
    let text = decoder.write(chunk);
    if (first && text !== '') {
      first = false;
      if (text.startsWith('\u{feff}')) text = text.slice(1);
    }
    const lines = text.split('\n');
    const last = lines.pop() ?? '';
    for (const line of lines) {
      yield withoutReturn(pending + line);
      pending = '';
    }
    pending += last;
    if (pending.length > longestLine) {
      throw new ConfigurationError(
        'ARGUMENT_INVALID',
        `A line is longer than ${longestLine} characters. A trace has one JSON object on each line.`,
      );
    }
  }
  pending += decoder.end();
  if (pending !== '') yield withoutReturn(pending);
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
