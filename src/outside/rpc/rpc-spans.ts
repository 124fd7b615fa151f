import type { SpanPlan } from '../../context/span.js';
import type { Delivery } from '../../delivery/bus/bus.js';

/** Pure. The span of one call of a method, at its caller or at the server that executes it. */
export function callSpan(kind: 'CLIENT' | 'SERVER', service: string, method: string): SpanPlan {
  return {
    name: `${service}/${method}`,
    kind,
    attributes: { 'rpc.system': 'signalbox', 'rpc.service': service, 'rpc.method': method },
  };
}

/** Pure. The span of an event of an EventManager that is given to the bus. */
export function emitSpan(root: string, topic: string): SpanPlan {
  return {
    name: `emit ${root}`,
    kind: 'PRODUCER',
    attributes: {
      'messaging.operation.name': 'emit',
      'messaging.operation.type': 'send',
      'signalbox.topic': topic,
    },
  };
}

/** Pure. The span of the handlers of such an event. */
export function eventSpan(root: string, topic: string, { id, pool, attempt }: Delivery): SpanPlan {
  return {
    name: `handle ${root}`,
    kind: 'CONSUMER',
    attributes: {
      'messaging.operation.name': 'handle',
      'messaging.operation.type': 'process',
      'messaging.message.id': id,
      'signalbox.topic': topic,
      'signalbox.attempt': attempt,
      ...(pool === undefined ? {} : { 'messaging.consumer.group.name': pool }),
    },
  };
}
