/** Where something stands in a text. */
export interface TextPlace {
  start: number;
  end: number;
  /** From 1. */
  line: number;
}

/** What is wrong with a text that is to be JSON, and where; undefined where it is. */
export function jsonFault(text: string): { message: string; place: TextPlace } | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    const message = (error as Error).message;
    const at = Number(/position (\d+)/.exec(message)?.[1] ?? text.length);
    return { message, place: placeAt(text, at, Math.min(at + 1, text.length)) };
  }
}

/** The value that a path like `$.Statement[0].Action` names in JSON text, or what of the path there is. */
export function placeOfPath(text: string, path: string): TextPlace | undefined {
  const steps = [...path.matchAll(/\.([\w:-]+)|\[(\d+)\]|\["([^"]+)"\]/g)].map(
    ([, name, index, quoted]) => name ?? quoted ?? Number(index),
  );
  let at = 0;
  let best: [number, number] | undefined;

  const blank = () => {
    while (/\s/.test(text[at] ?? '')) at++;
  };
  const string = (): string => {
    const from = at;
    for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++;
    at++;
    return JSON.parse(text.slice(from, at)) as string;
  };
  /** Reads a value; `depth` steps of the path lead to it, undefined where it lies beside. */
  function value(depth: number | undefined): void {
    blank();
    const from = at;
    const deeper = (step: string | number) => (depth !== undefined && steps[depth] === step ? depth + 1 : undefined);
    const open = text[at];
    if (open === '{' || open === '[') {
      at++;
      for (let index = 0; ; index++) {
        blank();
        if (text[at] === '}' || text[at] === ']') break;
        if (open === '{') {
          const name = string();
          blank();
          at++; // the colon
          value(deeper(name));
        } else value(deeper(index));
        blank();
        if (text[at] === ',') at++;
      }
      at++;
    } else if (open === '"') string();
    else while (/[\w.+-]/.test(text[at] ?? '')) at++;
    // The inner ones are met first: the outer ones are of less help.
    if (depth !== undefined && depth > 0) best ??= [from, at];
  }
  if (jsonFault(text)) return undefined;
  value(0);
  return best && placeAt(text, ...best);
}

function placeAt(text: string, start: number, end: number): TextPlace {
  return { start, end, line: text.slice(0, start).split('\n').length };
}
