import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';

const begin = '<!-- bench: begin -->';
const end = '<!-- bench: end -->';

/** Replaces what is between the markers of a page. Throws when the page has none. */
export async function writePage(path, text) {
  const page = await readFile(path, 'utf8');
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no lines '${begin}' and '${end}'.`);
  const written = `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
  const options = { ...(await resolveConfig(path)), filepath: path };
  await writeFile(path, await format(written, options));
}
