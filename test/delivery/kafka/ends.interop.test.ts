import { describe, expect, it } from 'vitest';
import { kafka } from '../../../src/delivery/kafka/index.js';
import { freePort } from '../../../scripts/servers/free-port.js';
import { message } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { startKafkaMock, type KafkaMock } from '../../support/kafka-mock.js';
import { uniqueName } from '../../support/unique-name.js';
import { endBound, settleAll } from '../end-scenarios.js';
import { KafkaNetwork } from './kafka-place.js';

async function unsettled(
  breakIt: (mock: KafkaMock, network: KafkaNetwork) => void,
): Promise<readonly string[]> {
  const mock = await startKafkaMock();
  const network = new KafkaNetwork();
  const connect = () =>
    kafka({
      brokers: mock.brokers,
      topic: uniqueName('end'),
      sessionTimeout: 4_000,
      requestTimeout: 3_000,
      driver: network.driver,
    });
  try {
    const failures = await settleAll(connect, () => breakIt(mock, network));
    mock.resume();
    network.mend();
    // A closed bus connects no more.
    await eventually(() => expect(network.open).toBe(0));
    return failures;
  } finally {
    await mock.kill();
  }
}

describe('every end settles, of a cluster', { timeout: 4 * endBound, concurrent: true }, () => {
  it('that is frozen', async () => {
    expect(await unsettled((mock) => mock.pause())).toEqual([]);
  });

  it('that is lost, and stays so', async () => {
    expect(await unsettled((_, network) => network.break())).toEqual([]);
  });
});

it('a cluster that was never reached is told as such when every broker was tried', async () => {
  const bus = kafka({ brokers: `127.0.0.1:${await freePort()}` });
  await expect(bus.publish(message('a'))).rejects.toMatchObject({
    code: 'BUS_UNAVAILABLE',
    message: expect.stringMatching(/ECONNREFUSED/) as string,
  });
  await bus.close();
});
