import { expect, it } from 'vitest';
// #region draw
import { mermaid } from 'signalbox/diagram';
import { network } from 'signalbox/machines';

const diagram = mermaid(network); // paste it into any Markdown page
// #endregion

it('draws every state of a network', () => {
  for (const { name } of network.states) {
    expect(diagram).toContain(name);
  }
});
