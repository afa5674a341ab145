const MANY = -1;
const ONE = -2;

/** A compiled wildcard pattern: UTF-16 code units, and negative marks for the wildcards. */
export type Glob = readonly number[];

/** Appends `text` to a pattern. `*` (and `?` when `one`) are wildcards unless `literal`. */
export function appendGlob(glob: number[], text: string, options: { literal?: boolean; one?: boolean } = {}): void {
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (!options.literal && char === '*') {
      if (glob.at(-1) !== MANY) glob.push(MANY);
    } else if (!options.literal && options.one && char === '?') glob.push(ONE);
    else glob.push(text.charCodeAt(i));
  }
}

/** Compiles a pattern in which `*` stands for any text, and `?` for one character when `one`. */
export function compileGlob(text: string, options: { one?: boolean } = {}): Glob {
  const glob: number[] = [];
  appendGlob(glob, text, options);
  return glob;
}

/** True when the pattern is a lone `*`. */
export function matchesEverything(glob: Glob): boolean {
  return glob.length === 1 && glob[0] === MANY;
}

/** Whether the whole of `text` fits. At worst |pattern| × |text| steps: patterns come from tenants. */
export function matchGlob(glob: Glob, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    const mark = glob[p];
    if (mark === MANY) {
      star = p++;
      resume = t;
    } else if (mark === ONE || mark === text.charCodeAt(t)) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else return false;
  }
  while (glob[p] === MANY) p++;
  return p === glob.length;
}
