import { expect, it } from 'vitest';
// #region draw
import { mermaid } from 'signalbox/diagram';
import { loadBalancer } from './load-balancer.js';

const diagram = mermaid(loadBalancer); // the text of the picture below
// #endregion

it('draws the picture in the README', async () => {
  // When the drawing changes on purpose: npx vitest run examples/draw -u && npm run docs
  await expect(diagram).toMatchFileSnapshot('load-balancer.mmd');
});
