import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

test('a password argument is out of the list of processes before the bundle is loaded', () => {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-title-'));
  try {
    const built = resolve(import.meta.dirname, '../../dist/cli.js');
    cpSync(built, join(directory, 'cli.js'));
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    const text = readFileSync(built, 'utf8');
    // What Node loads first: only the bundler's own helper, which leads nowhere.
    const first = [...text.matchAll(/^import\s*["'](\.\/[^"']+)["']/gm)].map(
      ([, file]) => file ?? '',
    );
    for (const file of first) {
      const helper = readFileSync(resolve(built, '..', file), 'utf8');
      expect(helper).not.toMatch(/^import(?!.*["']node:)|\bfrom\s*["'](?!node:)/m);
      expect(helper.length).toBeLessThan(4_000);
      writeFileSync(join(directory, file), helper);
    }
    const imports = [...text.matchAll(/["'](\.\/[^"']+\.js)["']/g)].map(([, file]) => file ?? '');
    expect(imports).not.toEqual([]);
    for (const file of imports.filter((each) => !first.includes(each))) {
      // In the place of the bundle, one that shows what others see while it is loaded.
      writeFileSync(
        join(directory, file),
        `import { readFileSync } from 'node:fs';
         process.stdout.write(readFileSync('/proc/' + process.pid + '/cmdline'));
         process.exit(0);`,
      );
    }
    const address = 'postgres://bob:s3cr3tPW@127.0.0.1/x';
    const seen = execFileSync(
      process.execPath,
      [join(directory, 'cli.js'), 'migrate', '--database', address],
      { encoding: 'utf8' },
    );
    expect(seen.replaceAll('\0', '')).toBe('signalbox');
  } finally {
    rmSync(directory, { recursive: true });
  }
});
