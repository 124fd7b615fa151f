import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * The folders of the project that a file belongs to, from its own outwards: up to the nearest one with a
 * `package.json`, and up to the root of a workspace around that. None that another user of the machine
 * can write to, nor any outside of such a one: what lies there is not ours to run.
 */
export function projectFolders(path: string): readonly string[] {
  const folders: string[] = [];
  let own = 0;
  for (let folder = dirname(resolve(path)); isOurs(folder); folder = dirname(folder)) {
    folders.push(folder);
    const isFirst = own === 0 && existsSync(join(folder, 'package.json'));
    if (isFirst || isWorkspaceRoot(folder)) own = folders.length;
    if (folder === dirname(folder)) break;
  }
  // A file without a project around it has its own folder.
  return folders.slice(0, Math.max(own, 1));
}

const writableByAll = 0o002;

function isOurs(folder: string): boolean {
  const user = process.getuid?.();
  // A system without such owners, where folders of others cannot be told.
  if (user === undefined) return existsSync(folder);
  const stats = statSync(folder, { throwIfNoEntry: false });
  return (
    stats !== undefined &&
    (stats.uid === user || stats.uid === 0) &&
    (stats.mode & writableByAll) === 0
  );
}

function isWorkspaceRoot(folder: string): boolean {
  if (existsSync(join(folder, 'pnpm-workspace.yaml'))) return true;
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof manifest === 'object' && manifest !== null && 'workspaces' in manifest;
  } catch {
    return false;
  }
}
