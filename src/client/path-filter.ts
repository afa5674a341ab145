/** A condition on paths: those that match are in, or out. */
export interface PathRule {
  include: boolean;
  glob: string;
}

/**
 * Whether a relative path is chosen: the last rule that matches decides. Where none does, all are chosen, unless the first
 * rule is an include: who names what is wanted does not want the rest.
 */
export function pathFilter(rules: readonly PathRule[]): (path: string) => boolean {
  const compiled = rules.map(rule => ({ include: rule.include, matches: globMatcher(rule.glob) }));
  const otherwise = rules[0]?.include !== true;
  return path => compiled.findLast(rule => rule.matches(path))?.include ?? otherwise;
}

/**
 * Matches as .gitignore does: `*` and `?` within a name, `**` across names, `[abc]`; a pattern without a slash is about the
 * last name, wherever it is; one that ends in a slash is about everything below such a directory.
 */
export function globMatcher(glob: string): (path: string) => boolean {
  const below = glob.endsWith('/');
  const bare = glob.replace(/\/$/, '').replace(/^\//, '');
  const anywhere = !bare.includes('/') && !glob.startsWith('/');
  const pattern = new RegExp(`^${anywhere ? '(?:.*/)?' : ''}${expression(bare)}${below ? '/.*' : ''}$`, 's');
  return path => pattern.test(path);
}

function expression(glob: string): string {
  const token = /\*\*\/|\*\*|\*|\?|\[(!?)((?:[^\]\\])+)\]|[\s\S]/g;
  return glob.replaceAll(token, (text, negated: string | undefined, set: string | undefined) => {
    if (text === '**/') return '(?:.*/)?';
    if (text === '**') return '.*';
    if (text === '*') return '[^/]*';
    if (text === '?') return '[^/]';
    if (set !== undefined) return `[${negated ? '^/' : ''}${set.replaceAll(/[\^[]/g, '\\$&')}]`;
    return text.replace(/[$()*+.?[\\\]^{|}/]/, '\\$&');
  });
}
