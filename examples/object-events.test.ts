import { expect, it } from 'vitest';
// #region daemon
import { event, fires } from 'signalbox/rpc';

class Attacher {
  readonly attaching = event<[volume: string]>();
  readonly attached = event<{ volume: string; device: string }>();
  readonly attachFailed = event<Error>();

  @fires.before('attaching') // with the arguments
  @fires('attached', (device: string, volume: string) => ({ volume, device })) // result, arguments
  @fires.failed('attachFailed') // with the error, which the caller gets too
  async attach(volume: string): Promise<string> {
    if (volume === '') throw new Error('no volume');
    return 'vda';
  }
}

/** Has the events of its parent, and one more. */
class Detacher extends Attacher {
  readonly detached = event<string>();

  detach(volume: string): void {
    void this.detached.fire(volume); // never rejects: what handlers throw is reported
  }
}
// #endregion

it('tells subscribers of an object what happens to it', async () => {
  const stopping = new AbortController();
  const log: string[] = [];
  // #region subscribe
  const daemon = new Detacher();
  const subscription = daemon.attached.subscribe(({ volume, device }) => {
    log.push(`${volume} is ${device}`);
  });
  daemon.attachFailed.once((error) => log.push(error.message));
  daemon.detached.subscribe((volume) => log.push(`${volume} gone`), { signal: stopping.signal });

  await daemon.attach('v1');
  await daemon.attach('').catch(() => undefined);
  daemon.detach('v1');
  subscription.unsubscribe();
  const failures = await daemon.detached.fire('v2'); // waits for asynchronous handlers
  // #endregion
  stopping.abort();
  daemon.detach('v3');
  expect(failures).toEqual([]);
  expect(log).toEqual(['v1 is vda', 'no volume', 'v1 gone', 'v2 gone']);
});
