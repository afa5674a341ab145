import { syntaxTree } from '@codemirror/language';
import type { EditorState } from '@codemirror/state';

type SyntaxNode = ReturnType<typeof syntaxTree>['topNode'];

/** Where the element at a JSON path such as `$.Statement[0].Action[2]` stands in a document; as near to it as the text goes. */
export function rangeOf(state: EditorState, path: string, problem: string): { from: number; to: number } {
  const length = state.doc.length;
  const at = /at character (\d+)/.exec(problem)?.[1];
  if (at !== undefined) {
    const from = Math.min(Number(at), Math.max(length - 1, 0));
    return { from, to: Math.min(from + 1, length) };
  }
  let node: SyntaxNode | null = syntaxTree(state).topNode.firstChild;
  for (const [, quoted, plain, index] of path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\.([A-Za-z_][\w-]*)|\[(\d+)\]/g)) {
    const name = quoted === undefined ? plain : (JSON.parse(`"${quoted}"`) as string);
    const found = node && (index === undefined ? member(state, node, name!) : element(node, Number(index)));
    if (!found) break;
    node = found;
  }
  return node ? { from: node.from, to: node.to } : { from: 0, to: Math.min(1, length) };
}

/** The value of the last member of that name: of two, the second is the one too many. */
function member(state: EditorState, object: SyntaxNode, name: string): SyntaxNode | null {
  let found: SyntaxNode | null = null;
  for (let child = object.firstChild; child; child = child.nextSibling) {
    const key = child.name === 'Property' ? child.getChild('PropertyName') : null;
    if (key && state.sliceDoc(key.from, key.to) === JSON.stringify(name)) found = child.lastChild ?? child;
  }
  return found;
}

function element(list: SyntaxNode, index: number): SyntaxNode | null {
  let at = 0;
  for (let child = list.firstChild; child; child = child.nextSibling) {
    if (/^[[\],⚠]$/.test(child.name)) continue;
    if (at++ === index) return child;
  }
  return null;
}
