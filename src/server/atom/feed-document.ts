/** A feed document of Atom 1.0 (RFC 4287), current or archived (RFC 5005). */
export interface FeedDocument {
  readonly id: string;
  readonly title: string;
  /** RFC 3339. */
  readonly updated: string;
  readonly links: readonly FeedLink[];
  /** An archive document never changes. */
  readonly archive: boolean;
  readonly entries: readonly FeedEntry[];
}

/** A link of a feed or an entry. */
export interface FeedLink {
  readonly rel: string;
  readonly href: string;
  readonly type?: string;
}

/** An entry of a feed. */
export interface FeedEntry {
  readonly id: string;
  readonly title: string;
  readonly updated: string;
  readonly author: string;
  readonly categories: readonly { readonly term: string; readonly scheme: string }[];
  readonly links: readonly FeedLink[];
  /** Text. RFC 4287 allows JSON as text, or as Base64; readers show text. */
  readonly content: string;
}

/** Writes a feed document as XML. Pure. */
export function feedXml(feed: FeedDocument): string {
  const lines = [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:fh="http://purl.org/syndication/history/1.0">',
    element('id', feed.id),
    element('title', feed.title),
    element('updated', feed.updated),
    `<generator>Signalbox</generator>`,
    ...feed.links.map(linkXml),
    ...(feed.archive ? ['<fh:archive/>'] : []),
    ...feed.entries.map(entryXml),
    '</feed>',
  ];
  return `${lines.join('\n')}\n`;
}

function entryXml(entry: FeedEntry): string {
  return [
    '<entry>',
    element('id', entry.id),
    element('title', entry.title),
    element('updated', entry.updated),
    `<author>${element('name', entry.author)}</author>`,
    ...entry.categories.map(
      ({ term, scheme }) => `<category term="${escaped(term)}" scheme="${escaped(scheme)}"/>`,
    ),
    ...entry.links.map(linkXml),
    `<content type="text">${escaped(entry.content)}</content>`,
    '</entry>',
  ].join('\n');
}

function linkXml({ rel, href, type }: FeedLink): string {
  const media = type === undefined ? '' : ` type="${escaped(type)}"`;
  return `<link rel="${escaped(rel)}" href="${escaped(href)}"${media}/>`;
}

const element = (name: string, text: string): string => `<${name}>${escaped(text)}</${name}>`;

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Text for element content and attribute values. What XML 1.0 has no character for becomes U+FFFD. */
function escaped(text: string): string {
  return text
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\u{FFFD}')
    .replaceAll('\r', '&#13;')
    .replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
}
