import { canonicalUuid } from './uuid.js';

/** Pure. The same settings, their subject's uuid in canonical form. Throws RefusedError MALFORMED_UUID. */
export function withCanonicalSubject<
  T extends { readonly subject?: { readonly resource: string; readonly uuid: string } },
>(settings: T): T {
  const { subject } = settings;
  return subject === undefined
    ? settings
    : { ...settings, subject: { resource: subject.resource, uuid: canonicalUuid(subject.uuid) } };
}
