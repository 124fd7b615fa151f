import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { figure } from '../figure.mjs';
import { compare } from '../measure.mjs';

const exec = promisify(execFile);
const project = fileURLToPath(new URL('../..', import.meta.url));
const alone = ['xstate', 'typeorm', 'amqplib', 'pg'];

/** What it costs to have the package: time to load it, packages and bytes to install it. */
export const importing = {
  name: 'import',
  title: 'import and installation',
  async run(options) {
    const rounds = { ...options, rounds: Math.max(5, options.rounds) };
    const [subject, reference] = await compare(
      [
        loading('signalbox, signalbox/amqp and pg', ['signalbox', 'signalbox/amqp', 'pg']),
        loading('xstate, typeorm, amqplib and pg', alone),
      ],
      rounds,
    );
    const installed = await installations(options.log);
    const size = (sample) => installed.map((project) => ({ samples: [sample(project)] }));
    const goal = { most: 1.2 };
    const sized = (name, unit, count) => {
      const [ours, theirs] = size(count);
      return figure({
        name,
        goal,
        subject: { name: 'signalbox', ...ours },
        reference: { name: 'the four alone', ...theirs },
        measure: 'count',
        unit,
      });
    };
    return {
      settings: { caches: 'warm', install: 'npm install' },
      figures: [
        figure({
          name: "import 'signalbox'",
          goal,
          subject,
          reference,
          measure: 'time',
          unit: 'ms',
        }),
        sized('packages installed for SDK + RabbitMQ + PostgreSQL', '', ({ packages }) => ({
          count: packages,
        })),
        sized('bytes installed', 'MB', ({ bytes }) => ({ count: bytes / 1e6 })),
      ],
    };
  },
};

/** A new process for each sample; it tells how long its imports took. */
function loading(name, modules) {
  const imports = modules.map((module) => `await import('${module}');`).join('');
  const script = `const start = performance.now();${imports}console.log(performance.now() - start);`;
  return {
    name,
    async sample() {
      const { stdout } = await exec(process.execPath, ['--input-type=module', '-e', script], {
        cwd: project,
      });
      return { time: Number(stdout), p50: Number(stdout) };
    },
  };
}

async function installations(log) {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-bench-'));
  try {
    const { stdout } = await exec('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: project,
    });
    const [{ filename }] = JSON.parse(stdout);
    const { version } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
    const lock = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8'));
    const pinned = alone.map((name) => `${name}@${lock.packages[`node_modules/${name}`].version}`);
    log(`  installing signalbox ${version}, and what it is built on`);
    const ours = await installed(join(folder, 'ours'), [`../${filename}`, ...pinned]);
    const theirs = await installed(join(folder, 'theirs'), pinned);
    return [ours, theirs];
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function installed(folder, packages) {
  await exec('mkdir', [folder]);
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  await exec('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages], {
    cwd: folder,
  });
  const lock = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8'));
  return {
    packages: Object.keys(lock.packages).length - 1,
    bytes: await sizeOf(join(folder, 'node_modules')),
  };
}

async function sizeOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
