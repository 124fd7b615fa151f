/** What the schema of SARIF 2.1.0 finds wrong in a log. */
export function faultsOfSarif(log: unknown): readonly string[];
