import { invalid } from './iam.failures.ts';

/**
 * Names of users, accounts, groups and agencies are read by people in lists of members and of grants, so two must not look the same.
 * Decisions: docs/decisions/0006.
 */
const LONGEST = 64;
const ALLOWED = /^[\p{L}0-9 _.-]+$/u;

/** Scripts that may stand together in one name (Unicode TS 39, "highly restrictive"). */
const TOGETHER: readonly (readonly string[])[] = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
  ['Cyrillic'],
  ['Greek'],
];
const SCRIPTS: readonly (readonly [string, RegExp])[] = [
  // Phonetic letters such as ɑ look like the usual ones.
  ['Latin', /(?=\p{scx=Latin})[\0-\u024f\u1e00-\u1eff]/u],
  ['Han', /\p{scx=Han}/u],
  ['Hiragana', /\p{scx=Hiragana}/u],
  ['Katakana', /\p{scx=Katakana}/u],
  ['Bopomofo', /\p{scx=Bopomofo}/u],
  ['Hangul', /\p{scx=Hangul}/u],
  ['Cyrillic', /\p{scx=Cyrillic}/u],
  ['Greek', /\p{scx=Greek}/u],
];
/** Cyrillic and Greek letters that look like Latin ones. */
const LIKE_LATIN = new Set('асеорхуіјѕԁһԛԝӏАВСЕНІЈКМОРЅТХУԌԚԜҮΑΒΕΖΗΙΚΜΝΟΡΤΥΧονιυραγ');
/** What is read as what, in lower case. */
const READ_AS = new Map(
  Object.entries({ i: 'l', 1: 'l', ı: 'l', 0: 'o', ー: '一', ニ: '二', ロ: '口', カ: '力', タ: '夕', ト: '卜' }).concat(
    Object.entries({ ハ: '八', エ: '工', ヘ: 'へ' }),
  ),
);

/** Throws Failure when it is no name for a user, account, group or agency. `more`: characters that are allowed besides. */
export function checkName(name: string, what: string, more = ''): void {
  const problem = nameProblem(name, more);
  if (problem) throw invalid(`The ${what} name ${problem}.`);
}

function nameProblem(name: string, more: string): string | undefined {
  const letters = [...name].filter(char => !more.includes(char));
  if (
    name.length > LONGEST * (more ? 2 : 1) ||
    name === '' ||
    (letters.length > 0 && !ALLOWED.test(letters.join('')))
  ) {
    return `must have 1 to ${LONGEST * (more ? 2 : 1)} letters, digits, blanks or ${['_ . -', ...more].join(' ')}`;
  }
  if (name.trim() !== name) return 'must have no blank at its ends';
  const plain = name.normalize('NFKC');
  if (plain !== name) return `must be written in plain letters: ${JSON.stringify(plain)}`;
  const scripts = new Set<string>();
  let words = name.match(/\p{L}/gu) ?? [];
  for (const letter of words) {
    const of = SCRIPTS.filter(([, has]) => has.test(letter)).map(([script]) => script);
    if (of.length === 0) return `must not contain the letter ${letter}, which is of a script that names cannot have`;
    if (of.length === 1) scripts.add(of[0]!);
  }
  if (!TOGETHER.some(set => [...scripts].every(script => set.includes(script)))) {
    return `must not mix letters of ${[...scripts].join(' and ')}, of which some look the same`;
  }
  words = scripts.has('Cyrillic') || scripts.has('Greek') ? words : [];
  if (words.length > 0 && words.every(letter => LIKE_LATIN.has(letter))) {
    return `must not consist of ${[...scripts][0]} letters that all look like Latin ones`;
  }
  return undefined;
}

/** What a name looks like: two names with the same key cannot be told apart at a glance. */
export function nameKey(name: string): string {
  return [...name.normalize('NFKC').toLowerCase()].map(char => READ_AS.get(char) ?? char).join('');
}
