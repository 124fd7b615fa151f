import type {
  AnyLifecycle,
  Deadline,
  Effect,
  TableGuard,
  TableRow,
} from '../../src/lifecycle/lifecycle.js';

/** One transition of a table made by hand. */
export interface HandMadeRow {
  readonly from: string;
  readonly event: string;
  readonly to: string;
  readonly effects?: readonly Effect[];
  readonly guards?: readonly TableGuard[];
}

/**
 * A compiled lifecycle without a machine: what a store reads, and nothing more. Each state's deadlines
 * are armed by every row that enters it and cancelled by every row that leaves it.
 */
export function handMadeLifecycle(options: {
  readonly resource: string;
  readonly version?: number;
  readonly rows: readonly HandMadeRow[];
  readonly deadlines?: readonly Deadline[];
  readonly timeouts?: readonly (HandMadeRow & { readonly deadline: string })[];
}): AnyLifecycle {
  const { resource, version = 1, deadlines = [] } = options;
  const states = [...new Set(options.rows.flatMap(({ from, to }) => [from, to]))];
  const tableRow = ({ from, event, to, effects = [], guards = [] }: HandMadeRow): TableRow => ({
    from,
    event,
    to,
    changed: from !== to,
    effects,
    guards,
    arms: from === to ? [] : deadlines.filter(({ state }) => state === to),
    cancels: from === to ? [] : deadlines.filter((d) => d.state === from).map(({ id }) => id),
  });
  const rows = new Map<string, Map<string, TableRow[]>>(states.map((state) => [state, new Map()]));
  for (const row of options.rows) {
    const byEvent = rows.get(row.from) as Map<string, TableRow[]>;
    byEvent.set(row.event, [...(byEvent.get(row.event) ?? []), tableRow(row)]);
  }
  const timeouts = new Map<string, Map<string, TableRow[]>>();
  for (const row of options.timeouts ?? []) {
    const byDeadline = timeouts.get(row.from) ?? new Map<string, TableRow[]>();
    byDeadline.set(row.deadline, [...(byDeadline.get(row.deadline) ?? []), tableRow(row)]);
    timeouts.set(row.from, byDeadline);
  }
  const initial = states[0] as string;
  return {
    resource,
    version,
    initial,
    births: [initial],
    states: states.map((name) => ({
      name,
      tags: [],
      final: (rows.get(name) as Map<string, TableRow[]>).size === 0,
      deadline: null,
    })),
    events: [...new Set(options.rows.map(({ event }) => event))],
    transitions: options.rows.map(({ from, event, to, effects = [] }) => ({
      from,
      event,
      to,
      effects,
    })),
    table: {
      rows,
      births: new Map([[initial, { state: initial, effects: [], arms: [] }]]),
      deadlines: new Map(deadlines.map((deadline) => [deadline.id, deadline])),
      timeouts,
      guardedEvents: new Set(
        options.rows.filter(({ guards = [] }) => guards.length > 0).map(({ event }) => event),
      ),
    },
  };
}

const usage = (type: string): Effect => ({ category: 'UsageEvent', type });

/** A lifecycle with everything a store must write: effects of all kinds, guards, deadlines, timeouts. */
export const pump = handMadeLifecycle({
  resource: 'Pump',
  version: 3,
  rows: [
    { from: 'Idle', event: 'StartRequested', to: 'Starting' },
    {
      from: 'Starting',
      event: 'Started',
      to: 'Running',
      effects: [
        usage('PUMP.START'),
        { category: 'AlertEvent', type: 'ALERT.PUMP', data: { level: 'low "quoted" \\ ü \u2028' } },
        { category: 'AlertEvent', type: 'ALERT.PUMP', data: { level: 'high' } },
        { category: 'ActionEvent', type: 'PUMP.STARTED' },
      ],
    },
    { from: 'Starting', event: 'Failed', to: 'Idle' },
    { from: 'Running', event: 'Failed', to: 'Idle', effects: [usage('PUMP.STOP')] },
    { from: 'Running', event: 'Tick', to: 'Running' },
    { from: 'Starting', event: 'Tick', to: 'Starting' },
    { from: 'Running', event: 'StopRequested', to: 'Idle', effects: [usage('PUMP.STOP')] },
    {
      from: 'Running',
      event: 'Drain',
      to: 'Drained',
      guards: [
        {
          name: 'isEmpty',
          expected: true,
          test: (context) => (context as { level?: number }).level === 0,
        },
      ],
    },
    { from: 'Drained', event: 'StopRequested', to: 'Idle' },
  ],
  deadlines: [
    {
      id: 'Starting/1000',
      state: 'Starting',
      after: 1_000,
      alert: { category: 'AlertEvent', type: 'ALERT.RESOURCE.STUCK' },
    },
    {
      id: 'Running/60000',
      state: 'Running',
      after: 60_000,
      alert: { category: 'AlertEvent', type: 'ALERT.RESOURCE.STUCK' },
    },
  ],
  timeouts: [
    { from: 'Starting', event: 'DeadlineExceeded', to: 'Idle', deadline: 'Starting/1000' },
  ],
});
