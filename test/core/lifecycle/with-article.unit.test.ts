import { expect, it } from 'vitest';
import { withArticle, withCapitalArticle } from '../../../src/core/lifecycle/with-article.js';

it.each([
  'a Volume',
  'an Instance',
  'an Image',
  'a User',
  'a Unit',
  'an Uplink',
  'an UnmanagedDisk',
  'an LB',
  'a VM',
  'an SSHKey',
  'a Host',
  'an Offering',
  'a NetworkOffering',
  'an OSImage',
  'a K8sCluster',
])('%s', (text) => {
  const name = text.slice(text.indexOf(' ') + 1);
  expect(withArticle(name)).toBe(text);
  expect(withCapitalArticle(name)).toBe(`A${text.slice(1)}`);
});
