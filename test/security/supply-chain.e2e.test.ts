import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const readJson = <T>(path: string): T => JSON.parse(readFileSync(join(root, path), 'utf8')) as T;

interface LockedPackage {
  readonly version: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
}

const manifest = readJson<{
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
  readonly publishConfig: unknown;
}>('package.json');
const locked = Object.entries(
  readJson<{ readonly packages: Readonly<Record<string, LockedPackage>> }>('package-lock.json')
    .packages,
)
  .filter(([path]) => path !== '')
  .map(([path, entry]) => ({ name: path.slice(path.lastIndexOf('node_modules/') + 13), ...entry }));

let cache: string;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'signalbox-npm-'));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

interface NpmReport {
  readonly code: number | null;
  readonly stdout: string;
  readonly output: string;
}

/** Runs npm, the real one, in the project. */
async function npm(args: readonly string[], registry = 'http://127.0.0.1:9'): Promise<NpmReport> {
  const settings = [`--registry=${registry}`, `--cache=${cache}`, '--fetch-retries=0'];
  const child = spawn('npm', [...args, ...settings], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((done, failed) => {
    child.once('error', failed).once('close', done);
  });
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, output: stdout + stderr };
}

interface Advisory {
  readonly severity: 'low' | 'moderate' | 'high' | 'critical';
  readonly vulnerable_versions: string;
}

/** A registry on the loopback that knows advisories; with none at all it refuses to be asked. */
async function startRegistry(
  advisories: Readonly<Record<string, Advisory>> | undefined,
): Promise<{ readonly url: string; readonly asked: unknown[] } & AsyncDisposable> {
  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      if (!request.url?.endsWith('/security/advisories/bulk') || advisories === undefined) {
        response.writeHead(advisories === undefined ? 405 : 404).end('{}');
        return;
      }
      const zipped = request.headers['content-encoding'] === 'gzip';
      asked.push(JSON.parse(await text(zipped ? request.pipe(createGunzip()) : request)));
      const answer = Object.entries(advisories).map(([name, advisory], id) => [
        name,
        [{ id, title: `${name} is broken`, url: `https://advisories.example/${id}`, ...advisory }],
      ]);
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(Object.fromEntries(answer)));
    })();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

describe('a release', () => {
  const audit = manifest.scripts['prepublishOnly']?.split(' && ')[0] as string;

  test.each(['low', 'critical'] as const)(
    'is refused for a vulnerability known of a dependency, be it %s',
    async (severity) => {
      await using registry = await startRegistry({
        amqplib: { severity, vulnerable_versions: '<999' },
      });
      const { code, output } = await npm(['run', 'prepublishOnly'], registry.url);
      expect(code, output).toBe(1);
      expect(output).toContain('amqplib is broken');
      // Nothing after the audit was begun.
      expect(output).not.toContain('── test');
    },
  );

  test('is asked about with all that comes with the package, and passes when nothing is known', async () => {
    await using registry = await startRegistry({
      amqplib: { severity: 'critical', vulnerable_versions: '<0.1.0' },
    });
    const { code, output } = await npm(audit.split(' ').slice(1), registry.url);
    expect(code, output).toBe(0);
    const shipped = locked.filter(({ dev, devOptional }) => dev !== true && devOptional !== true);
    expect(registry.asked).toEqual([
      Object.fromEntries(shipped.map(({ name, version }) => [name, [version]])),
    ]);
    expect(shipped.map(({ name }) => name)).toEqual(
      expect.arrayContaining(Object.keys(manifest.dependencies)),
    );
  });

  test('is refused where the registry does not tell what is known', async () => {
    await using registry = await startRegistry(undefined);
    const { code } = await npm(['run', 'prepublishOnly'], registry.url);
    expect(code).toBe(1);
  });

  test('says which build made it', () => {
    expect(manifest.publishConfig).toMatchObject({ provenance: true });
  });

  test('holds what was built, and nothing else', async () => {
    const { code, stdout, output } = await npm(['pack', '--dry-run', '--json', '--ignore-scripts']);
    expect(code, output).toBe(0);
    const [pack] = JSON.parse(stdout) as { readonly files: readonly { readonly path: string }[] }[];
    const others = pack?.files.map(({ path }) => path).filter((path) => !path.startsWith('dist/'));
    expect(others?.toSorted()).toEqual(['LICENSE', 'README.md', 'package.json']);
  });
});

describe('an installation', () => {
  test('runs no script but the one that builds better-sqlite3', () => {
    const allowed = Object.entries(manifest.allowScripts).filter(([, may]) => may);
    expect(allowed.map(([name]) => name)).toEqual(['better-sqlite3']);
    const undecided = locked
      .filter(({ hasInstallScript }) => hasInstallScript === true)
      .map(({ name }) => name)
      .filter((name) => !(name in manifest.allowScripts));
    expect(undecided).toEqual([]);
  });

  test('has the development tools exactly as they were tried', () => {
    for (const [name, version] of Object.entries(manifest.devDependencies))
      expect(version, name).toMatch(/^(npm:[\w/@-]+@)?\d+\.\d+\.\d+$/);
  });

  test('brings nothing whose reason is not told', () => {
    const reasons = readFileSync(join(root, 'docs/decisions/0009-dependencies.md'), 'utf8');
    const untold = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).filter(
      (name) => !reasons.includes(`\`${name}\``),
    );
    expect(untold).toEqual([]);
  });
});
