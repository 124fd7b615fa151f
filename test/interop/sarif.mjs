import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';

// The package exports its matchers alone; the schema of SARIF 2.1.0 lies beside them.
const { resolve } = createRequire(import.meta.url);
const schema = resolve('@microsoft/jest-sarif').replace(
  /(?<=jest-sarif.).*$/u,
  'lib/schemas/sarif-2.1.0-rtm.5.json',
);

// Patterns of draft 4 are older than the u flag.
const ajv = addFormats(new Ajv({ strict: false, allErrors: true, unicodeRegExp: false }));
const validate = ajv.compile(JSON.parse(readFileSync(schema, 'utf8')));

/** What the schema of SARIF 2.1.0 finds wrong in a log. */
export function faultsOfSarif(log) {
  if (validate(log)) return [];
  return validate.errors.map(({ instancePath, message }) => `${instancePath} ${message}`);
}
