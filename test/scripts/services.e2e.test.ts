import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { isAlive, startInstance, stopInstance } from '../../scripts/servers/instance.js';
import { login } from '../../scripts/servers/login.js';
import { isInstalled } from '../../scripts/servers/programs.js';
import { findService, ServicesMissingError } from '../../scripts/servers/provide.js';
import { recipes } from '../../scripts/servers/recipes.js';
import { serviceNames, services } from '../../scripts/servers/service.js';
import { runNode } from '../support/run-node.js';

const script = resolve(import.meta.dirname, '../../scripts/services');

// Where the servers come from containers, their programs are not here to be started.
const installed = serviceNames.filter((name) => isInstalled(name));

test.each(installed)('a private %s lets us in, and is gone after stop', async (name) => {
  const instance = await startInstance(recipes[name]);
  expect(await login(name, instance.url)).toMatch(/^\d+\./);
  await stopInstance(instance);
  expect(isAlive(instance)).toBe(false);
  expect(existsSync(instance.directory)).toBe(false);
  await expect(login(name, instance.url)).rejects.toThrow();
  await stopInstance(instance);
});

test('a server that does not start is reported with its log, and leaves nothing behind', async () => {
  let directory = '';
  const broken = {
    ...recipes.postgres,
    user: 'root',
    prepare: async (made: string) => void (directory = made),
    launch: async () => ({
      command: process.execPath,
      args: ['-e', 'console.log("no space left"); process.exit(1)'],
      url: 'postgres://postgres@127.0.0.1:1/postgres',
      stopSignal: 'SIGTERM' as const,
    }),
  };
  await expect(startInstance(broken)).rejects.toThrow(/PostgreSQL stopped at once:\nno space left/);
  expect(existsSync(directory)).toBe(false);
});

test('a server that the environment names must work, and its password stays unsaid', async () => {
  const { variable } = services.rabbitmq;
  const before = process.env[variable];
  process.env[variable] = 'amqp://guest:hush@127.0.0.1:1';
  try {
    const refused = await findService('rabbitmq').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ServicesMissingError);
    expect(String(refused)).toContain(`amqp://guest:***@127.0.0.1:1, which ${variable} names`);
    expect(String(refused)).not.toContain('hush');
  } finally {
    process.env[variable] = before;
  }
});

test('run hands the servers to a command and returns its exit code', async () => {
  const child = spawn(script, ['run', '--', 'sh', '-c', 'echo "$SIGNALBOX_TEST_POSTGRES"; exit 7']);
  let output = '';
  child.stdout.on('data', (text: Buffer) => (output += text.toString()));
  const code = await new Promise((done) => child.on('close', done));
  expect(output).toMatch(/^postgres:\/\//);
  expect(code).toBe(7);
});

test('an unknown command shows the help and fails', async () => {
  expect(await runNode(script, ['frobnicate'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Usage: scripts/services'),
  });
  expect(await runNode(script, ['--help'])).toMatchObject({ code: 0, stderr: '' });
});
