/**
 * The catalog of events: what lifecycles can announce, as AsyncAPI, JSON Schema, Markdown and TypeScript,
 * and what changed since. Pure: no file, no database, no broker.
 *
 * @module
 */
export { asyncApi } from './async-api.js';
export type { AsyncApiInfo, JsonDocument } from './async-api.js';
export { catalogMarkdown } from './catalog-markdown.js';
export type { Catalog, CatalogEntry } from './catalog.js';
export { compareContracts } from './compare-contracts.js';
export type { ChangeKind, ContractChange } from './compare-contracts.js';
export { contractChangeText } from './contract-change-text.js';
export { contractOf, readContract } from './contract.js';
export type { ChannelContract, Contract } from './contract.js';
export { createCatalog } from './create-catalog.js';
export { jsonSchemaDocument } from './json-schema-document.js';
export { typeScript } from './type-script.js';
