// `npm run soak`: mixed load with faults for as long as is wanted, and whether anything was lost or grew.
import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { startPrivatePostgres } from '../../support/private-postgres.js';
import { startPrivateRabbitmq } from '../../support/private-rabbitmq.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { onRabbitmq } from '../support/fault-buses.js';
import { FaultWorld } from '../support/fault-world.js';
import { growthFaults, type SoakSample, sampleLine, takeSample } from './soak-sample.js';
import { soakRound } from './soak-round.js';

const help = `Drives random transitions over a private PostgreSQL and a private RabbitMQ, lets random faults strike
both, and looks after each round whether everything arrived and whether memory and handles grew.

Usage: npm run soak -- [--minutes <number>] [--seed <number>]

  --minutes   how long; default 30. The last round is finished, so it takes a little more
  --seed      of all random choices; default the clock. Give a printed one to replay it
  --help      this text

Exits with 0 when nothing was lost and nothing grew, with 1 when something did or the rounds are too few to
tell, with 2 for a wrong option.`;

const options = {
  minutes: { type: 'string', default: '30' },
  seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

function wrong(problem: string): never {
  console.error(`${problem}\n\n${help}`);
  process.exit(2);
}

function read(): { readonly minutes: number; readonly seed: number } {
  try {
    const { values } = parseArgs({ options });
    if (values.help) {
      console.log(help);
      process.exit(0);
    }
    const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
    if (!(minutes > 0)) wrong(`--minutes is a number above 0, not '${values.minutes}'.`);
    if (!Number.isInteger(seed)) wrong(`--seed is a whole number, not '${values.seed}'.`);
    return { minutes, seed };
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

async function soak(minutes: number, seed: number): Promise<readonly string[]> {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    const postgres = await startPrivatePostgres();
    undo.push(() => postgres.dispose());
    const broker = await startPrivateRabbitmq();
    undo.push(() => broker.dispose());
    const line = await startTcpProxy({ host: '127.0.0.1', port: broker.port });
    undo.push(() => line.close());
    await postgres.query('CREATE DATABASE soak');
    const world = await FaultWorld.open({
      seed,
      database: postgres.url('soak'),
      bus: onRabbitmq([`amqp://guest:guest@127.0.0.1:${line.port}`]),
    });
    undo.push(() => world[Symbol.asyncDispose]());
    // RabbitMQ 3.10 loses a quorum queue that was made a moment before a kill, unless it was stopped since.
    await broker.stop();
    await broker.start();

    const samples: SoakSample[] = [];
    const end = Date.now() + minutes * 60_000;
    while (Date.now() < end) {
      const faults = await soakRound({ world, postgres, database: 'soak', broker, line });
      const sample = await takeSample(world);
      samples.push(sample);
      console.log(`${sampleLine(samples.length, sample)}  ${faults.join(', ')}`);
      await world.reset();
    }
    return growthFaults(samples);
  } finally {
    for (const last of undo.toReversed()) await last().catch(console.error);
  }
}

const { minutes, seed } = read();
console.log(`soak: ${minutes} minutes, seed ${seed}`);
try {
  const faults = await soak(minutes, seed);
  for (const fault of faults) console.log(fault);
  console.log(
    faults.length === 0 ? 'verdict: nothing lost, nothing grew' : 'verdict: something grew',
  );
  process.exit(faults.length === 0 ? 0 : 1);
} catch (error) {
  console.error(error);
  console.log(`verdict: failed; replay with --seed ${seed}`);
  process.exit(1);
}
