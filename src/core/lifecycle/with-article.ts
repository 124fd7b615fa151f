/**
 * A name behind its indefinite article: `a Volume`, `an Instance`, `an LB`. Pure. By its first letter, as
 * it is said of words and of abbreviations; a name that is said otherwise may have the wrong one.
 */
export function withArticle(name: string): string {
  const abbreviation = /^\p{Lu}(?:[\p{Lu}\p{N}]|$)/u.test(name);
  const vowel = abbreviation
    ? /^[AEFHILMNORSX]/u.test(name)
    : /^(?:[AEIO]|U(?!ni(?!n|m)|s[aeiu]|til))/iu.test(name) &&
      !/^(?:Eu|One(?![a-z])|Once)/iu.test(name);
  return `${vowel ? 'an' : 'a'} ${name}`;
}

/** The same at the beginning of a sentence: `An Instance`. Pure. */
export function withCapitalArticle(name: string): string {
  const text = withArticle(name);
  return `A${text.slice(1)}`;
}
