import type { Category } from '../../core/events/category.js';
import { attributesSchema } from '../../core/events/schemas.js';
import type { JsonSchema } from '../../core/json/json-schema.js';
import {
  markdownCode,
  markdownTable,
  markdownText,
  type MarkdownCell,
} from '../markdown/markdown.js';
import { annotate } from './annotate.js';
import type { Catalog, CatalogEntry } from './catalog.js';

/** The catalog as a Markdown page: the events of each lifecycle, and each event. Pure. */
export function catalogMarkdown(catalog: Catalog): string {
  const { lifecycles, entries, envelopes } = catalog;
  return [
    '# Events',
    '',
    'Every event that the lifecycles announce. Events are CloudEvents 1.0 in structured JSON; `{source}` and `{uuid}` in a channel stand for what varies, and `*` is bound in their place. A property that a schema does not name may come with a later version.',
    '',
    '## Envelope',
    '',
    ...propertyTable(annotate(attributesSchema), ''),
    '',
    ...Object.entries(envelopes).flatMap(([category, { properties = {} }]) => [
      `## ${category}`,
      '',
      ...propertyTable(properties['data'] ?? {}, 'data'),
      '',
    ]),
    ...lifecycles.flatMap(({ resource, version }) => {
      const own = entries.filter((entry) => entry.resource === resource);
      return [
        `## ${markdownText(resource)}, version ${version}`,
        '',
        ...markdownTable(
          ['Event', 'Category', 'Announced by'],
          own.map(({ type, category, occasions }) => [type, category, shortened(occasions)]),
        ),
        '',
        ...own.flatMap(entryLines),
      ];
    }),
  ].join('\n');
}

function entryLines(entry: CatalogEntry): readonly string[] {
  const { resource, category, type, address, summary, occasions, narrowing, example } = entry;
  return [
    `### ${markdownText(`${resource} ${kinds[category]} ${type}`)}`,
    '',
    markdownText(summary),
    '',
    `Channel ${markdownCode(address.join('.'))}. Announced by:`,
    '',
    ...occasions.map((occasion) => `- ${markdownText(occasion)}`),
    '',
    ...propertyTable(annotate(narrowing.properties?.['data'] ?? {}, 'data'), 'data'),
    '',
    '```json',
    JSON.stringify(example, null, 2),
    '```',
    '',
  ];
}

const kinds: Readonly<Record<Category, string>> = {
  ResourceStateEvent: 'takes',
  ActionEvent: 'action',
  UsageEvent: 'usage',
  AlertEvent: 'alert',
  AsyncJobEvent: 'job',
};

function propertyTable(schema: JsonSchema, path: string): readonly string[] {
  return markdownTable(['Property', 'Value', 'Required', 'Meaning'], propertyRows(schema, path));
}

function propertyRows(schema: JsonSchema, path: string): readonly (readonly MarkdownCell[])[] {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([name, property]) => {
    const full = path === '' ? name : `${path}.${name}`;
    return [
      [
        { markdown: markdownCode(full) },
        { markdown: valueText(property) },
        required.includes(name) ? 'yes' : '',
        property.description ?? '',
      ],
      ...propertyRows(property, full),
    ];
  });
}

function valueText({ const: only, enum: several, type, pattern }: JsonSchema): string {
  if (only !== undefined) return markdownCode(only);
  if (several !== undefined) return several.map(markdownCode).join(', ');
  const names = typeof type === 'string' ? [type] : (type ?? ['any value']);
  return names.join(' or ') + (pattern === undefined ? '' : ` like ${markdownCode(pattern)}`);
}

function shortened(occasions: readonly string[]): string {
  const shown = occasions.slice(0, 3).join('; ');
  return occasions.length > 3 ? `${shown}; and ${occasions.length - 3} more` : shown;
}
