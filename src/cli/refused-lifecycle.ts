import type { Refusal } from '../core/errors/errors.js';
import type { CheckReport } from '../tools/check/check-lifecycle.js';
import { Findings } from '../tools/check/finding.js';

/** A lifecycle that `defineLifecycle` refuses. */
export interface RefusedLifecycle {
  readonly kind: 'RefusedLifecycle';
  readonly resource: string;
  readonly faults: readonly Refusal[];
}

/** Reads the error of `defineLifecycle`, of this or another copy of the package; undefined for any other. */
export function refusedLifecycle(error: unknown): RefusedLifecycle | undefined {
  if (!(error instanceof Error) || !('code' in error) || error.code !== 'LIFECYCLE_INVALID') {
    return undefined;
  }
  const { faults, parameters } = error as {
    readonly faults?: readonly Refusal[];
    readonly parameters?: { readonly subject?: string };
  };
  if (faults === undefined) return undefined;
  const subject = parameters?.subject ?? '';
  const [, resource = subject] = /^Lifecycle (.+)$/u.exec(subject) ?? [];
  return { kind: 'RefusedLifecycle', resource, faults };
}

/** The faults as findings, each at its place. */
export function reportRefused({ resource, faults }: RefusedLifecycle): CheckReport {
  const findings = new Findings(resource);
  for (const { code, message, parameters } of faults) {
    const { state, event } = parameters;
    findings.add(
      'DEFINITION_REFUSED',
      {
        ...(typeof state === 'string' ? { state } : {}),
        ...(typeof event === 'string' ? { event } : {}),
      },
      `${code}: ${message}`,
    );
  }
  return { resource, findings: findings.list, suppressed: [] };
}
