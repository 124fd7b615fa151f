import { ConfigurationError } from '../../core/errors/errors.js';

/**
 * Pure. Reads the text of a Java properties file (`java.util.Properties.load`): comments, the separators
 * `=`, `:` and blanks, lines that go on after a backslash, and escapes. A key that comes twice has its
 * last value. Throws ConfigurationError CONFIG_FILE_INVALID for a malformed `\u` escape.
 */
export function parseProperties(text: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>();
  for (const line of logicalLines(text)) {
    const [, key = '', value = ''] =
      /^((?:\\.|[^\\\s=:])*)(?:\s*[=:]\s*|\s+|$)(.*)$/su.exec(line) ?? [];
    properties.set(unescape(key), unescape(value));
  }
  return properties;
}

function logicalLines(text: string): readonly string[] {
  const lines: string[] = [];
  let continued: string | undefined;
  for (const natural of text.split(/\r\n|\r|\n/)) {
    const line = natural.replace(/^[ \t\f]+/, '');
    // A comment or blank line begins nothing, but inside a continued line it is text.
    if (continued === undefined && (line === '' || /^[#!]/.test(line))) continue;
    const whole: string = (continued ?? '') + line;
    const goesOn = (/\\*$/.exec(line)?.[0].length ?? 0) % 2 === 1;
    continued = goesOn ? whole.slice(0, -1) : undefined;
    if (!goesOn) lines.push(whole);
  }
  if (continued !== undefined) lines.push(continued);
  return lines;
}

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescape(text: string): string {
  return text.replaceAll(/\\(u[0-9a-fA-F]{4}|.)/gsu, (_, escape: string) => {
    if (escape.length > 1 && escape.startsWith('u')) {
      return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    }
    if (escape === 'u') {
      throw new ConfigurationError(
        'CONFIG_FILE_INVALID',
        'The properties file has a \\u that is not followed by four hexadecimal digits.',
      );
    }
    return escapes[escape] ?? escape;
  });
}
