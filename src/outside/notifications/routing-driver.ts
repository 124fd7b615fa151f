import { ConfigurationError } from '../../core/errors/errors.js';
import { nearestName } from '../../core/errors/nearest-name.js';
import { notificationPriorities } from '../../delivery/formats/oslo/notification.js';
import type { NotificationDriver } from './driver.js';
import { globMatcher } from './glob.js';

/** A rule of a driver: it takes notifications that match a glob of every given list. */
export interface RoutingRule {
  /** Globs on the event type, such as `compute.instance.*`. Absent for every type. */
  readonly accepted_events?: readonly string[];
  /** Globs on the priority, such as `error`, in any case. Absent for every priority. */
  readonly accepted_priorities?: readonly string[];
}

/** Groups of rules by name, each by the name of its driver; a driver takes what any group gives it. */
export type RoutingGroups<Name extends string = string> = Readonly<
  Record<string, Readonly<Partial<Record<Name, RoutingRule>>>>
>;

/**
 * Sends each notification to the drivers whose rules take it, each once, as oslo.messaging's routing
 * notifier does. Throws ConfigurationError CONFIG_KEY_UNKNOWN for a driver or rule that does not exist,
 * which oslo.messaging would pass over, and CONFIG_VALUE_INVALID for a pattern no priority matches.
 *
 * @example
 * routingDriver({ alarms: { bus: { accepted_priorities: ['error', 'critical'] } } }, { bus: busDriver(bus) });
 */
export function routingDriver<const Name extends string>(
  groups: RoutingGroups<Name>,
  drivers: Readonly<Record<Name, NotificationDriver>>,
): NotificationDriver {
  const routes = Object.entries(object(groups, 'the file')).flatMap(([group, rules]) =>
    Object.entries(object(rules, group)).map(([name, rule]) => ({
      driver: known(name, drivers, group),
      accepts: ruleMatcher(rule, `${group}.${name}`),
    })),
  );
  const all: readonly NotificationDriver[] = Object.values(drivers);
  return {
    name: 'routing',
    async notify(notification, context) {
      const { event_type: type, priority } = notification;
      const taking = routes.filter(({ accepts }) => accepts(type, priority.toLowerCase()));
      const chosen = [...new Set(taking.map(({ driver }) => driver))];
      const outcomes = await Promise.allSettled(
        chosen.map(async (driver) => driver.notify(notification, context)),
      );
      const failures = outcomes.flatMap((each) =>
        each.status === 'rejected' ? [each.reason as unknown] : [],
      );
      if (failures.length === 1) throw failures[0];
      if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('; '));
    },
    async close() {
      await Promise.all(all.map(async (driver) => driver.close?.()));
    },
  };
}

/**
 * The same from the text of a YAML file, such as `routing_notifier.yaml` of an OpenStack. Rejects as
 * `routingDriver` throws, with CONFIG_FILE_INVALID for what is no YAML, and with DRIVER_MISSING where
 * the package `yaml` is not installed.
 */
export async function routingDriverFromYaml(
  text: string,
  drivers: Readonly<Record<string, NotificationDriver>>,
): Promise<NotificationDriver> {
  const { parse } = await import('yaml').catch((cause: unknown) => {
    throw new ConfigurationError(
      'DRIVER_MISSING',
      'Routing by a YAML file needs the package yaml. Install it: npm install yaml.',
      { parameters: { package: 'yaml' }, cause },
    );
  });
  let groups: unknown;
  try {
    groups = parse(text);
  } catch (cause) {
    throw new ConfigurationError('CONFIG_FILE_INVALID', 'The routing file is not YAML.', {
      parameters: { file: 'routing' },
      cause,
    });
  }
  // An empty file routes nothing.
  return routingDriver((groups ?? {}) as RoutingGroups, drivers);
}

type RuleMatcher = (eventType: string, priority: string) => boolean;

function ruleMatcher(rule: unknown, path: string): RuleMatcher {
  const rules = object(rule, path);
  for (const key of Object.keys(rules)) {
    if (key === 'accepted_events' || key === 'accepted_priorities') continue;
    throw unknownKey(key, ['accepted_events', 'accepted_priorities'], path);
  }
  const events = matchers(rules['accepted_events'], `${path}.accepted_events`);
  const priorities = matchers(rules['accepted_priorities'], `${path}.accepted_priorities`, true);
  return (eventType, priority) =>
    (events?.some((matches) => matches(eventType)) ?? true) &&
    (priorities?.some((matches) => matches(priority)) ?? true);
}

function matchers(
  patterns: unknown,
  path: string,
  ofPriorities = false,
): readonly ((text: string) => boolean)[] | undefined {
  if (patterns === undefined) return undefined;
  if (!Array.isArray(patterns) || !patterns.every((each) => typeof each === 'string')) {
    throw invalid(path, 'is a list of patterns');
  }
  return patterns.map((pattern) => {
    const matches = globMatcher(ofPriorities ? pattern.toLowerCase() : pattern);
    if (!ofPriorities || notificationPriorities.some(matches)) return matches;
    throw invalid(path, `has ${pattern}, which is none of ${notificationPriorities.join(', ')}`);
  });
}

function known(
  name: string,
  drivers: Readonly<Record<string, NotificationDriver>>,
  group: string,
): NotificationDriver {
  const driver = Object.hasOwn(drivers, name) ? drivers[name] : undefined;
  if (driver !== undefined) return driver;
  throw unknownKey(name, Object.keys(drivers), group);
}

function object(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw invalid(path, 'is no map');
}

function unknownKey(key: string, names: readonly string[], path: string): ConfigurationError {
  const suggestion = nearestName(key, names);
  const hint =
    suggestion === undefined ? `There are ${names.join(', ')}.` : `Did you mean '${suggestion}'?`;
  return new ConfigurationError('CONFIG_KEY_UNKNOWN', `routing: ${path} names '${key}'. ${hint}`, {
    parameters: { key: path, name: key, suggestion: suggestion ?? null },
  });
}

function invalid(path: string, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `routing: ${path} ${problem}.`, {
    parameters: { key: path },
  });
}
