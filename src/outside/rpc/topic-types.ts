/** The words of a topic. */
type Words<Topic extends string> = Topic extends `${infer Word}.${infer Rest}`
  ? [Word, ...Words<Rest>]
  : [Topic];

/** Whether a pattern can match a topic, as a bus matches them: `*` is one word, `#` any number. */
type Matches<Pattern extends string, Topic extends string> = string extends Topic
  ? true
  : string extends Pattern
    ? true
    : MatchesWords<Words<Pattern>, Words<Topic>>;

type MatchesWords<Pattern extends string[], Topic extends string[]> = Pattern extends [
  infer First extends string,
  ...infer Rest extends string[],
]
  ? First extends '#'
    ? MatchesWords<Rest, Topic> extends true
      ? true
      : Topic extends [string, ...infer Later extends string[]]
        ? MatchesWords<Pattern, Later>
        : false
    : Topic extends [infer Word extends string, ...infer Later extends string[]]
      ? MatchesWord<First, Word> extends true
        ? MatchesWords<Rest, Later>
        : false
      : false
  : Topic extends []
    ? true
    : false;

type MatchesWord<Pattern extends string, Word extends string> = Pattern extends '*'
  ? true
  : Pattern extends Word
    ? true
    : Word extends Pattern
      ? true
      : false;

/** The topics of a map that a pattern can match. */
export type MatchedTopics<Topics, Pattern extends string> = {
  [Topic in keyof Topics & string]: Matches<Pattern, Topic> extends true ? Topic : never;
}[keyof Topics & string];

/** Payload of the topics that a pattern can match. */
export type PayloadOf<Topics, Pattern extends string> = Topics[MatchedTopics<Topics, Pattern> &
  keyof Topics];

/** Added to a pattern that can match no topic, it makes the call fail to compile. */
export type Matching<Topics, Pattern extends string> = [MatchedTopics<Topics, Pattern>] extends [
  never,
]
  ? never
  : unknown;
