const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

const token =
  /<\?[^?]*\?>|<!DOCTYPE[^>]*>|<!--(?:(?!--)[^])*-->|<(?<close>\/)?(?<name>[A-Za-z_][\w:.-]*)(?<attributes>(?:\s+[\w:.-]+="[^"<]*")*)\s*(?<empty>\/)?>|(?<text>[^<]+)/uy;

/**
 * Reads an XML text and returns what stands between its tags and in its attributes, decoded. Throws
 * where it is not well formed: tags that do not match, a bare `<` or `&`, an unquoted attribute.
 */
export function textsOfXml(xml: string): readonly string[] {
  const open: string[] = [];
  const texts: string[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < xml.length) {
    const at = token.lastIndex;
    const found = token.exec(xml)?.groups;
    if (found === undefined && token.lastIndex === 0) {
      throw new Error(`not well formed at ${at}: ${xml.slice(at, at + 80)}`);
    }
    const { close, name, attributes = '', empty, text } = found ?? {};
    if (text !== undefined) texts.push(decode(text).trim());
    for (const [, value = ''] of attributes.matchAll(/="([^"]*)"/gu)) texts.push(decode(value));
    if (name === undefined) continue;
    if (close !== undefined) {
      const last = open.pop();
      if (last !== name) throw new Error(`</${name}> closes <${last}>`);
    } else if (empty === undefined) open.push(name);
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(', ')}`);
  return texts.filter((text) => text !== '');
}

function decode(text: string): string {
  if (/[\p{Cs}\uFFFE\uFFFF]|(?![\t\n\r])\p{Cc}/u.test(text)) {
    throw new Error(`a character that XML cannot hold in ${JSON.stringify(text)}`);
  }
  return text.replaceAll(/&([^;\s]*;?)/gu, (whole, entity: string) => {
    const [, hex, decimal, name] = /^(?:#x([0-9A-Fa-f]+)|#(\d+)|(\w+));$/u.exec(entity) ?? [];
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    const character = name === undefined ? undefined : entities[name];
    if (character === undefined) throw new Error(`a bare ampersand: ${whole}`);
    return character;
  });
}
