/**
 * `scheme://user:`, also with slashes lost or turned, or the colon forgotten, unless a port or a mask
 * follows. Without any slash only the schemes that addresses of ours have make it one.
 */
const user =
  /(?::\/{1,3}|\/\/|(?:postgres(?:ql)?|mysql|mariadb|amqps?|nats|kafkas?)[:;/\\]{1,4})[^\s:/@[]{0,256}:(?!\*\*\*@)(?!\d{1,5}(?!\d)(?!\S{0,512}@)|\s(?!\S{0,512}@))/i;

/** Text after a scheme. A file's path is no address, and one letter is a drive of Windows. */
const authority =
  /(?<=[a-z\d+.-]{2})(?<!\b(?:file|sqlite)):\/{1,3}|(?:postgres(?:ql)?|mysql|mariadb|amqps?|nats|kafkas?)[:;/\\]{1,4}/i;

/**
 * `user:` where the scheme was forgotten, at the beginning of a word, of a value or of what is quoted.
 * A path is no password.
 */
const schemeless =
  /(?:^|['"(=])(?!(?:file|sqlite|node|npm|https?|postgres(?:ql)?|mysql|mariadb|amqps?|nats|kafkas?):)[^\s:/@'"(=]{1,256}:(?![/\\:@'"]|\*\*\*@)/i;

/** `scheme://user:password` whose host was forgotten, or cut off by a shell. */
const unfinished =
  /((?::\/\/|(?:postgres(?:ql)?|mysql|mariadb|amqps?|nats|kafkas?)[:;/\\]{1,4})[^\s:/@[]{1,256}:)(?!\*\*\*(?:@|$)|\d{1,5}(?!\d))[^\s'"]+/gi;

/** A value of a query that opens a door. */
const secretField =
  /([?&][^\s=&?]{0,64}(?:pass|pwd|token|secret|key|cred|auth)[^\s=&?]{0,64}=)[^\s&'"]+/gi;

/**
 * Pure. The text with the passwords and tokens of the addresses in it as `***`. Passwords may hold `/`,
 * `@`, `:` and spaces unescaped, so it rather masks too much: from `user:` to the last `@` of the line,
 * without a colon to the last `@` of the word. Only digits up to a `/` or a space look like a port, and stay
 * with all that follows: nobody can tell that a password begins there. Takes time in proportion to the text.
 */
export function maskAddresses(text: string): string {
  return text.split('\n').map(maskLine).join('\n');
}

function maskLine(line: string): string {
  const named = line.replace(secretField, '$1***').replace(/\S+/g, maskSchemeless);
  return maskPassword(named).replace(/\S+/g, maskToken).replace(unfinished, '$1***');
}

function maskSchemeless(word: string): string {
  const last = word.lastIndexOf('@');
  const found = last < 0 ? null : schemeless.exec(word);
  const start = found === null ? last : found.index + found[0].length;
  return start >= last ? word : `${word.slice(0, start)}***${word.slice(last)}`;
}

function maskPassword(line: string): string {
  const last = line.lastIndexOf('@');
  const found = user.exec(line);
  const start = found === null ? last : found.index + found[0].length;
  return start > last || found === null ? line : `${line.slice(0, start)}***${line.slice(last)}`;
}

function maskToken(word: string): string {
  const last = word.lastIndexOf('@');
  if (last < 0 || word.slice(0, last).endsWith(':***')) return word;
  const found = authority.exec(word);
  const start = found === null ? last : found.index + found[0].length;
  return start >= last ? word : `${word.slice(0, start)}***${word.slice(last)}`;
}
