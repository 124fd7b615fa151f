import { ConfigurationError } from '../../core/errors/errors.js';
import { findingKinds, type FindingCode } from './finding-codes.js';
import { placeText, type Finding, type Findings, type Place } from './finding.js';

/**
 * Accepts findings, with the reason why. It takes every finding with its code whose place has all that
 * is said here: the less it says, the more it hides. One that hides nothing is itself a finding.
 */
export interface Suppression extends Partial<Omit<Place, 'resource'>> {
  readonly code: Exclude<FindingCode, 'SUPPRESSION_UNUSED'>;
  /** For whoever reads it in a year. Not blank. */
  readonly reason: string;
}

/** A finding that was accepted. */
export interface SuppressedFinding {
  readonly finding: Finding;
  readonly reason: string;
}

/**
 * Parts findings into those that stand and those that are accepted, by the first suppression that
 * fits. Pure. Throws ConfigurationError CONFIG_VALUE_INVALID for an unknown code or a blank reason.
 */
export function suppress(
  findings: Findings,
  suppressions: readonly Suppression[],
): { readonly findings: readonly Finding[]; readonly suppressed: readonly SuppressedFinding[] } {
  suppressions.forEach(assertSuppression);
  const used = new Set<Suppression>();
  const suppressed: SuppressedFinding[] = [];
  const standing = findings.list.filter((finding) => {
    const fitting = suppressions.filter((suppression) => fits(suppression, finding));
    const [first] = fitting;
    if (first === undefined) return true;
    for (const suppression of fitting) used.add(suppression);
    suppressed.push({ finding, reason: first.reason });
    return false;
  });
  const before = findings.list.length;
  for (const { code, reason, ...place } of suppressions.filter((one) => !used.has(one))) {
    const where = placeText({ resource: '', ...place }).replace(/^: /, '');
    findings.add(
      'SUPPRESSION_UNUSED',
      place,
      `The suppression of ${code}${where === '' ? '' : ` at ${where}`} (${reason}) suppresses nothing.`,
    );
  }
  return { findings: [...standing, ...findings.list.slice(before)], suppressed };
}

const placeKeys = ['state', 'event', 'to', 'meter', 'rule', 'type'] as const;

function fits(suppression: Suppression, { code, place }: Finding): boolean {
  if (suppression.code !== code) return false;
  return placeKeys.every(
    (key) => suppression[key] === undefined || suppression[key] === place[key],
  );
}

function assertSuppression({ code, reason }: Suppression): void {
  if (!Object.hasOwn(findingKinds, code)) {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `A suppression names '${code}', which is no code of a finding. Codes are ${Object.keys(findingKinds).join(', ')}.`,
      { parameters: { key: 'suppressions.code', value: String(code) } },
    );
  }
  if (typeof reason === 'string' && reason.trim() !== '') return;
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `The suppression of ${code} has no reason. Say why the finding is accepted.`,
    { parameters: { key: 'suppressions.reason', value: '' } },
  );
}
