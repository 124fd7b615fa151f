import type { Effect } from '../../core/lifecycle/lifecycle.js';
import type { Meter } from './meter.js';

/**
 * The meters of Apache CloudStack's resources, by resource. A machine is allocated, and paid for, from
 * its creation, which its caller announces; so is a volume.
 */
export const cloudStackMeters = {
  VirtualMachine: [
    {
      name: 'VM.CREATE/VM.DESTROY',
      starts: ['VM.CREATE'],
      stops: ['VM.DESTROY'],
      openAtCreation: true,
      openIn: ['Stopped', 'Running'],
      closedIn: ['Destroyed', 'Error', 'Expunging'],
    },
    {
      name: 'VM.START/VM.STOP',
      starts: ['VM.START'],
      stops: ['VM.STOP'],
      openIn: ['Running'],
      closedIn: ['Stopped', 'Destroyed', 'Error', 'Expunging'],
    },
  ],
  Volume: [
    {
      name: 'VOLUME.CREATE/VOLUME.DELETE',
      starts: ['VOLUME.CREATE'],
      stops: ['VOLUME.DELETE'],
      openAtCreation: true,
      closedIn: ['Expunged'],
    },
  ],
} as const satisfies Readonly<Record<string, readonly Meter[]>>;

/**
 * The usage event that CloudStack announces for a transition which it flags as having a usage impact:
 * its listener tells them apart by where they lead. Pure. Undefined for a resource it does not meter so.
 */
export function cloudStackUsage(resource: string, from: string, to: string): Effect | undefined {
  const type = usageType(resource, from, to);
  return type === undefined ? undefined : { category: 'UsageEvent', type };
}

function usageType(resource: string, from: string, to: string): string | undefined {
  if (resource === 'Volume') {
    if (from === 'Resizing') return 'VOLUME.RESIZE';
    return to === 'Ready' ? 'VOLUME.CREATE' : 'VOLUME.DELETE';
  }
  if (resource !== 'VirtualMachine') return undefined;
  if (from === 'Destroyed') return 'VM.CREATE';
  if (to === 'Running') return 'VM.START';
  return to === 'Stopped' ? 'VM.STOP' : 'VM.DESTROY';
}
