import { expect, it } from 'vitest';
// #region compare
import { compareContracts, contractOf, readContract } from 'signalbox/catalog';
// #endregion
// #region documents
import { asyncApi, catalogMarkdown, createCatalog, typeScript } from 'signalbox/catalog';
import { virtualMachine, volume } from 'signalbox/machines';

const catalog = createCatalog([virtualMachine, volume]);

const document = asyncApi(catalog, { title: 'Cloud events', version: '2.1.0' });
const page = catalogMarkdown(catalog);
const types = typeScript(catalog); // a module for consumers; it imports nothing
// #endregion

it('makes each document', () => {
  expect(document['info']).toMatchObject({ title: 'Cloud events', version: '2.1.0' });
  expect(page).toContain('# Events');
  expect(types).toContain('export interface VolumeAttachRequested');
});

it('tells a breaking change', () => {
  const committed: unknown = JSON.parse(JSON.stringify(document));
  // #region compare
  const next = createCatalog([virtualMachine]);
  const changes = compareContracts(readContract(committed), contractOf(next));
  const breaking = changes.filter((change) => change.breaking);
  // [{ kind: 'channel-removed', channel: 'Volume.ResourceStateEvent.Created', message: … }, …]
  // #endregion
  expect(breaking[0]).toMatchObject({
    kind: 'channel-removed',
    channel: 'Volume.ResourceStateEvent.Created',
  });
});
