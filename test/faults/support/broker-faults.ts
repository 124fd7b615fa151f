import { setTimeout as delay } from 'node:timers/promises';
import type { PrivateRabbitmq } from '../../support/private-rabbitmq.js';
import type { TcpProxy } from '../../support/tcp-proxy.js';

/** Something that breaks, and is mended. */
export interface Fault {
  readonly name: string;
  /** True while nothing can be committed until it is mended. */
  readonly stopsWork?: boolean;
  /** Milliseconds that it lasts at the least. Default until enough work was done. */
  readonly lasts?: number;
  strike(): Promise<void>;
  /** Undefined where the fault is over as soon as it has struck. */
  mend?(): Promise<void>;
}

const close = 'lists:foreach(fun(P) -> exit(P, kill) end, rabbit_channel:list_local()).';

/** What may happen to one broker, and to the line between it and its clients. */
export function brokerFaults(broker: PrivateRabbitmq, line: TcpProxy): readonly Fault[] {
  return [
    {
      name: 'RabbitMQ stops and starts',
      strike: () => broker.stop(),
      mend: () => broker.start(),
    },
    {
      name: 'RabbitMQ is killed and starts',
      strike: () => broker.kill(),
      mend: () => broker.start(),
    },
    {
      name: 'RabbitMQ blocks publishers for want of memory',
      strike: async () =>
        void (await broker.ctl('set_vm_memory_high_watermark', 'absolute', '1MB')),
      mend: async () => void (await broker.ctl('set_vm_memory_high_watermark', '0.8')),
    },
    {
      name: 'RabbitMQ closes every connection',
      strike: async () => void (await broker.ctl('close_all_connections', 'a fault')),
    },
    {
      name: 'RabbitMQ loses every channel',
      strike: async () => void (await broker.ctl('eval', close)),
    },
    {
      name: 'RabbitMQ freezes',
      strike: async () => broker.pause(),
      mend: async () => broker.resume(),
    },
    {
      name: 'the line to RabbitMQ swallows what is sent',
      strike: async () => line.swallow(),
      mend: async () => line.open(),
    },
    {
      name: 'the line to RabbitMQ is cut and refused',
      strike: async () => {
        line.refuse();
        line.cut();
      },
      mend: async () => line.open(),
    },
    {
      name: 'the line to RabbitMQ is slow',
      strike: async () => line.slow(150),
      mend: async () => line.open(),
    },
    {
      name: 'the exchange is deleted',
      // Whatever is published next finds no exchange, and makes it and its bindings again.
      strike: async () => {
        await broker.ctl(
          'eval',
          'rabbit_exchange:delete(rabbit_misc:r(<<"/">>, exchange, <<"signalbox">>), false, <<"fault">>).',
        );
        await delay(50);
      },
    },
  ];
}
