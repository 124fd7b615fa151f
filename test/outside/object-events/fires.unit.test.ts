import { runInThisContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import typescript from 'typescript';
import { fires } from '../../../src/outside/object-events/fires.js';
import { event, ObjectEvent } from '../../../src/outside/object-events/object-event.js';

const errors: Error[] = [];
const onError = (error: Error) => errors.push(error);

class Attacher {
  readonly attaching = event<[volume: string, fault?: Error]>();
  readonly attached = event<{ volume: string; device: string }>();
  readonly attachFailed = event<Error>();
  readonly counted = event<number>({ onError });
  #count = 0;

  @fires.before('attaching')
  @fires('attached', (device: string, volume: string) => ({ volume, device }))
  @fires.failed('attachFailed')
  async attach(volume: string, fault?: Error): Promise<string> {
    await Promise.resolve();
    if (fault !== undefined) throw fault;
    return 'vda';
  }

  @fires('counted')
  count(): number {
    this.#count += 1;
    if (this.#count > 2) throw new Error('enough');
    return this.#count;
  }

  @fires('counted', (): number => {
    throw new Error('no payload');
  })
  badly(): number {
    return 7;
  }
}

class QuietAttacher extends Attacher {
  override async attach(volume: string, fault?: Error): Promise<string> {
    return `quiet ${await super.attach(volume, fault)}`;
  }
}

function recorded(attacher: Attacher): unknown[] {
  const seen: unknown[] = [];
  attacher.attaching.subscribe(([volume]) => seen.push(`attaching ${volume}`));
  attacher.attached.subscribe((payload) => seen.push(payload));
  attacher.attachFailed.subscribe(({ message }) => seen.push(`failed ${message}`));
  attacher.counted.subscribe((count) => seen.push(count));
  return seen;
}

describe('@fires', () => {
  it('fires before, and after an asynchronous method has resolved', async () => {
    const attacher = new Attacher();
    const seen = recorded(attacher);
    const attaching = attacher.attach('v1');
    expect(seen).toEqual(['attaching v1']);
    expect(await attaching).toBe('vda');
    expect(seen).toEqual(['attaching v1', { volume: 'v1', device: 'vda' }]);
  });

  it('fires after a failure with the error, which the caller gets too', async () => {
    const attacher = new Attacher();
    const seen = recorded(attacher);
    const fault = new Error('no such volume');
    await expect(attacher.attach('v1', fault)).rejects.toBe(fault);
    expect(seen).toEqual(['attaching v1', 'failed no such volume']);
  });

  it('fires after a synchronous method, and not when it throws', () => {
    const attacher = new Attacher();
    const seen = recorded(attacher);
    expect([attacher.count(), attacher.count()]).toEqual([1, 2]);
    expect(() => attacher.count()).toThrow('enough');
    expect(seen).toEqual([1, 2]);
    expect(attacher.count.name).toBe('count');
  });

  it('fires when a subclass calls the method of its parent', async () => {
    const attacher = new QuietAttacher();
    const seen = recorded(attacher);
    expect(await attacher.attach('v2')).toBe('quiet vda');
    expect(seen).toEqual(['attaching v2', { volume: 'v2', device: 'vda' }]);
  });

  it('changes no outcome when a handler or the payload throws', async () => {
    const attacher = new Attacher();
    errors.length = 0;
    attacher.counted.subscribe(() => {
      throw new Error('bad handler');
    });
    expect(attacher.count()).toBe(1);
    expect(attacher.badly()).toBe(7);
    expect(errors.map(({ message }) => message)).toEqual(['bad handler', 'no payload']);
  });

  it('works as a decorator of the language too', async () => {
    const source = `
      class Daemon {
        started = event();
        starting = event();
        @fires.before('starting') @fires('started')
        start(host) { return host; }
      }
      return new Daemon();`;
    // Without experimentalDecorators the compiler emits the calls of the standard.
    const { outputText } = typescript.transpileModule(`const made = (() => {${source}})();`, {
      compilerOptions: { target: typescript.ScriptTarget.ES2022 },
    });
    const make = runInThisContext(`(event, fires) => { ${outputText}; return made; }`) as (
      ...given: unknown[]
    ) => {
      readonly started: ObjectEvent<unknown>;
      readonly starting: ObjectEvent<unknown>;
      start(host: string): string;
    };
    const daemon = make(event, fires);
    const seen: unknown[] = [];
    daemon.starting.subscribe((payload) => seen.push(payload));
    daemon.started.subscribe((payload) => seen.push(payload));
    expect(daemon.start('node-1')).toBe('node-1');
    expect(seen).toEqual([['node-1'], 'node-1']);
  });
});
