import { Parser } from '@asyncapi/parser';
import ts from 'typescript';
import Type from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { loadBalancer } from '../../../examples/load-balancer.js';
import { machines, snapshot } from '../../../machines/index.js';
import { asyncApi } from '../../../src/tools/catalog/async-api.js';
import { catalogMarkdown } from '../../../src/tools/catalog/catalog-markdown.js';
import { createCatalog } from '../../../src/tools/catalog/create-catalog.js';
import { documentKey } from '../../../src/tools/catalog/document-key.js';
import { jsonSchemaDocument } from '../../../src/tools/catalog/json-schema-document.js';
import { typeScript } from '../../../src/tools/catalog/type-script.js';
import { oddLifecycle } from './odd-lifecycle.js';

/** For what reads the whole catalog by another program, on a busy machine. */
const patience = { timeout: 120_000 };

const catalog = createCatalog([...machines, loadBalancer, oddLifecycle]);

describe('AsyncAPI', () => {
  it('is valid by the official parser, without a warning', patience, async () => {
    const { document, diagnostics } = await new Parser().parse(JSON.stringify(asyncApi(catalog)));
    const told = diagnostics
      .filter(({ severity }) => severity <= 1)
      .map(({ message, path }) => `${path.join('.')}: ${message}`);
    expect(told).toEqual([]);
    const channels = document?.channels().all() ?? [];
    expect(channels).toHaveLength(catalog.entries.length);
    const addresses = channels.map((channel) => channel.address());
    expect(addresses).toContain('{source}.ResourceStateEvent.StartRequested.VirtualMachine.{uuid}');
    expect(addresses).toContain('{source}.UsageEvent.VM-START.VirtualMachine.{uuid}');
  });

  it('is found invalid by it when a channel refers to nothing', patience, async () => {
    const whole = JSON.stringify(asyncApi(createCatalog([snapshot])));
    const broken = whole.replace('#/components/messages/Snapshot', '#/components/messages/Snap');
    expect(broken).not.toBe(whole);
    const { diagnostics } = await new Parser().parse(broken);
    expect(diagnostics.some(({ severity }) => severity === 0)).toBe(true);
  });
});

describe('JSON Schema', () => {
  const document = jsonSchemaDocument(catalog);

  it('accepts every event of the catalog, and its own definition alone', () => {
    const definitions = document['$defs'] as Readonly<Record<string, object>>;
    for (const { id, example } of catalog.entries) {
      const one = { $defs: definitions, $ref: `#/$defs/${documentKey(id)}` };
      expect(Type.Check(one, example), id).toBe(true);
    }
    const [first] = catalog.entries;
    expect(Type.Check(document, first?.example)).toBe(true);
    expect(Type.Check(document, { ...first?.example, type: 'Unheard' })).toBe(false);
  });
});

describe('TypeScript', () => {
  const source = typeScript(catalog);

  it('compiles under strict, and types each example', patience, () => {
    const examples = catalog.entries.map(({ example }) => `  ${JSON.stringify(example)},`);
    const use = `export const examples: readonly CatalogEvent[] = [\n${examples.join('\n')}\n];\n`;
    expect(faultsOf(source + use)).toEqual([]);
  });

  it('refuses another state', patience, () => {
    const entry = catalog.entries.find(
      ({ id }) => id === 'Volume.ResourceStateEvent.AttachRequested',
    );
    const wrong = JSON.stringify(entry?.example).replace('"new":"Attaching"', '"new":"Ready"');
    expect(faultsOf(`${source}export const wrong: VolumeAttachRequested = ${wrong};`)).toHaveLength(
      1,
    );
  });
});

function faultsOf(source: string): readonly string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    // Without the DOM, which takes most of the time.
    lib: ['lib.es2022.d.ts'],
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const getLibrary = host.getSourceFile.bind(host);
  host.getSourceFile = (name, ...rest) =>
    name === 'events.ts'
      ? ts.createSourceFile(name, source, ts.ScriptTarget.ES2022)
      : getLibrary(name, ...rest);
  const program = ts.createProgram(['events.ts'], options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

describe('Markdown', () => {
  const page = catalogMarkdown(catalog);

  it('has every event with its channel and example', () => {
    for (const { example } of catalog.entries)
      expect(page).toContain(JSON.stringify(example, null, 2));
    expect(page).toContain('`{source}.UsageEvent.VM-START.VirtualMachine.{uuid}`');
  });

  it('shows odd names as text: rows keep their cells, and no tag opens', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('|'));
    const cells = (row: string) => row.replaceAll(/\\\\|\\\|/g, '').split('|').length;
    expect(new Set(rows.map(cells))).toEqual(new Set([5, 6]));
    const shown = page
      .replaceAll(/^```json$[^]*?^```$/gm, '')
      .replaceAll(/\\[\\`<>]/g, '')
      .replaceAll(/(`+)[^\n]*?(?<!`)\1(?!`)/g, '');
    expect(shown).not.toMatch(/[<>`]/);
  });
});

describe('the key of a name', () => {
  it('differs for different names', () => {
    const names = ['a b', 'a_b', 'a_20_b', 'ä', 'a.b', 'A.b', 'a-b', '_', '__', '😀'];
    const keys = names.map(documentKey);
    expect(new Set(keys).size).toBe(names.length);
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9._-]+$/);
  });
});
