import { expect, test } from 'vitest';
// @ts-expect-error plain JavaScript without declarations
import { withCurrentCode } from '../../scripts/docs-code.mjs';

const current = withCurrentCode as (page: string, readSource: (file: string) => string) => string;

const source = `import { x } from 'y';

  // #region use
  if (x) {
    x('$&');
  }
  // #endregion
`;
const page = (code: string) =>
  `# Page\n\n<!-- from: a.ts#use -->\n\n\`\`\`ts\n${code}\`\`\`\n\nText.\n`;

test('a block becomes the region of its file, without the indent', () => {
  expect(current(page('old\n'), () => source)).toBe(page("if (x) {\n  x('$&');\n}\n"));
});

test('writing twice changes nothing', () => {
  const once = current(page(''), () => source);
  expect(current(once, () => source)).toBe(once);
});

test('a block without a mark is left alone', () => {
  expect(current('```ts\nold\n```\n', () => source)).toBe('```ts\nold\n```\n');
});

test('a region that does not exist is named', () => {
  expect(() => current(page(''), () => 'nothing')).toThrow('a.ts has no "// #region use"');
});
