import type { SignalboxEvent } from '../core/events/event.js';

/** One line for a person: time, routing key, and what happened. Pure. */
export function eventLine(routingKey: string, event: SignalboxEvent): string {
  return `${event.time.slice(11, 23)}  ${routingKey}  ${outcomeOf(event)}`;
}

function outcomeOf(event: SignalboxEvent): string {
  switch (event.category) {
    case 'ResourceStateEvent': {
      const { old, new: next, reason } = event.data;
      return `${old ?? '∅'} → ${next ?? '∅'}${reason === undefined ? '' : ` (${reason})`}`;
    }
    case 'ActionEvent': {
      const { status, duration, error } = event.data;
      return (
        status +
        (duration === undefined ? '' : ` in ${duration} ms`) +
        (error === undefined ? '' : `: ${error.message}`)
      );
    }
    case 'UsageEvent':
      return 'metered';
    case 'AlertEvent':
      return event.data.subject;
    case 'AsyncJobEvent': {
      const { command, status, progress } = event.data;
      return `${command} ${status}${progress === undefined ? '' : ` ${progress} %`}`;
    }
  }
}
