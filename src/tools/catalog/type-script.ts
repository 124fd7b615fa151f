import { withArticle } from '../../core/lifecycle/with-article.js';
import type { JsonSchema } from '../../core/json/json-schema.js';
import type { Catalog, CatalogEntry } from './catalog.js';
import { comment, propertyName, schemaType } from './schema-types.js';

/**
 * The catalog as a TypeScript module for consumers: a type for each event, unions over a resource and
 * over all, and the topic pattern to bind for each. Pure; the module imports nothing.
 *
 * Narrow `CatalogEvent` by `category` and `type`; two resources may share an event name, so that a
 * consumer of several also looks at `subject`.
 */
export function typeScript(catalog: Catalog): string {
  const named = withNames(catalog.entries);
  const taken = new Set(named.map(([name]) => name));
  const unions = catalog.lifecycles.map(({ resource }) => {
    const members = named.filter(([, entry]) => entry.resource === resource);
    return [unique(`${identifier(resource)}Event`, taken), resource, members] as const;
  });
  return [
    '// Made by `signalbox catalog --format typescript`. Change the lifecycle, not this file.',
    '',
    ...named.flatMap(([name, entry]) => [...declaration(name, entry), '']),
    ...unions.flatMap(([name, resource, members]) => [
      ...comment(`Any event of ${withArticle(resource)}.`),
      `export type ${name} =${alternatives(members.map(([member]) => member))};`,
      '',
    ]),
    '/** Any event of the catalog. */',
    `export type ${unique('CatalogEvent', taken)} =${alternatives(unions.map(([name]) => name))};`,
    '',
    '/** The topic pattern that binds each event, whoever published it and whichever resource it is of. */',
    `export const ${unique('topicPatterns', taken)} = {`,
    ...named.map(
      ([name, { address }]) => `  ${propertyName(name)}: ${JSON.stringify(pattern(address))},`,
    ),
    '} as const;',
    '',
  ].join('\n');
}

function declaration(name: string, entry: CatalogEntry): readonly string[] {
  const { schema, summary, occasions, resource } = entry;
  const { subject, ...properties } = schema.properties ?? {};
  const type = schemaType({ ...schema, properties });
  const head = `export interface ${name} {`;
  const subjectLine = `  readonly subject: \`${template(resource)}/\${string}\`;`;
  return [
    ...comment(`${summary} Announced by: ${occasions.join('; ')}.`),
    [head, ...comment((subject as JsonSchema | undefined)?.description, '  '), subjectLine].join(
      '\n',
    ) + type.slice(1),
  ];
}

function alternatives(names: readonly string[]): string {
  return names.length === 0 ? ' never' : names.map((name) => `\n  | ${name}`).join('');
}

function pattern(address: CatalogEntry['address']): string {
  const [, category, type, resource] = address;
  return ['*', category, type, resource, '*'].join('.');
}

function withNames(
  entries: readonly CatalogEntry[],
): readonly (readonly [name: string, entry: CatalogEntry])[] {
  const taken = new Set<string>();
  return entries.map((entry) => {
    const { resource, type, category } = entry;
    const suffix = category === 'ResourceStateEvent' ? '' : category.replace(/Event$/, '');
    return [unique(`${identifier(resource)}${identifier(type)}${suffix}`, taken), entry] as const;
  });
}

/** `VM.START` becomes `VmStart`; a name in camel case keeps its humps. */
function identifier(name: string): string {
  const words = name.split(/[^\p{ID_Continue}]+/u).filter((word) => word !== '');
  const joined = words
    .map((word) => (/\p{Ll}/u.test(word) ? word : word.toLowerCase()))
    .map((word) => word.replace(/^./u, (first) => first.toUpperCase()))
    .join('');
  return /^\p{ID_Start}/u.test(joined) ? joined : `_${joined}`;
}

function unique(name: string, taken: Set<string>): string {
  let candidate = name;
  for (let number = 2; taken.has(candidate); number += 1) candidate = `${name}${number}`;
  taken.add(candidate);
  return candidate;
}

function template(text: string): string {
  return text.replaceAll(/[\\`$]/g, String.raw`\$&`);
}
