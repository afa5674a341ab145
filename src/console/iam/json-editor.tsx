import { autocompletion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { json } from '@codemirror/lang-json';
import { syntaxHighlighting, syntaxTree } from '@codemirror/language';
import { type Diagnostic, linter, lintGutter, lintKeymap } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import { minimalSetup } from 'codemirror';
import { useEffect, useRef } from 'react';
import { conditionKeys } from '../../policy/condition-keys.ts';
import { operatorNames } from '../../policy/operators.ts';
import { rangeOf } from './json-position.ts';
import { allActions, read } from './policy-document.ts';

const MEMBERS = ['Version', 'Statement', 'Effect', 'Action', 'Resource', 'Condition'];

/** The text of a policy, with the validator's word at the place that it speaks of, and completion of what may stand there. */
export default function JsonEditor(props: {
  label: string;
  text: string;
  onChange?: (text: string) => void;
  readOnly?: boolean;
}) {
  const { label, text, readOnly = false } = props;
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const told = useRef(props.onChange);
  told.current = props.onChange;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is put in by the effect below
  useEffect(() => {
    const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? '';
    const editor = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(nonce),
          minimalSetup,
          lineNumbers(),
          json(),
          syntaxHighlighting(classHighlighter),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label, ...(readOnly ? { tabindex: '0' } : {}) }),
          EditorState.readOnly.of(readOnly),
          ...(readOnly
            ? []
            : [
                lintGutter(),
                keymap.of(lintKeymap),
                linter(diagnose, { delay: 150 }),
                autocompletion({ override: [complete], activateOnTyping: true }),
              ]),
          EditorView.updateListener.of(update => {
            if (update.docChanged) told.current?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [label, readOnly]);
  useEffect(() => {
    const editor = view.current;
    // What came from here is there already; replacing it would move the cursor.
    if (!editor || editor.state.doc.toString() === text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);
  return <div ref={place} className="json-editor" />;
}

function diagnose({ state }: EditorView): Diagnostic[] {
  const { error, warnings } = read(state.doc.toString());
  if (error) {
    const message = `${error.problem}. ${error.allowed}`;
    return [{ ...rangeOf(state, error.path, error.problem), severity: 'error', message }];
  }
  return warnings.map(({ path, message }) => ({ ...rangeOf(state, path, ''), severity: 'warning', message }));
}

/** What may stand in the string at the cursor, which need not have its end yet. */
function complete(context: CompletionContext): CompletionResult | null {
  const begun = context.matchBefore(/"[^"\n]*/);
  if (!begun) return null;
  const options = choices(context.state, begun.from).map(label => ({ label }));
  return { from: begun.from + 1, options, validFor: /^[\w:.*/-]*$/ };
}

/** What may stand in the string that begins at `from`, told by the members around it. */
function choices(state: EditorState, from: number): readonly string[] {
  const before = state.sliceDoc(0, from).trimEnd();
  /** The members around the string, the innermost first. */
  const names: string[] = [];
  const owner = /"([^"]*)"\s*:$/.exec(before)?.[1];
  if (owner !== undefined) names.push(owner);
  let inObject: boolean | undefined;
  for (let at = syntaxTree(state).resolveInner(from, -1) as Node | null; at; at = at.parent) {
    if (at.name === 'Object' || at.name === 'Array') inObject ??= at.name === 'Object';
    if (at.name !== 'Property' || at.from >= from) continue;
    const name = /^"([^"]*)"/.exec(state.sliceDoc(at.from, at.from + 200))?.[1] ?? '';
    // The innermost is known from the text already, as its string may be too broken for the tree.
    if (names.length !== 1 || names[0] !== name || owner === undefined) names.push(name);
  }
  const inCondition = names.indexOf('Condition');
  if (inObject && owner === undefined) {
    if (inCondition === 0) return operatorNames;
    return inCondition === 1 ? conditionKeys : MEMBERS;
  }
  if (inCondition !== -1) return names[0] === 'modelarts:poolType' ? ['public', 'dedicated'] : [];
  if (names[0] === 'Action') return allActions;
  if (names[0] === 'Effect') return ['Allow', 'Deny'];
  return names[0] === 'Version' ? ['1.1'] : [];
}

interface Node {
  name: string;
  from: number;
  parent: Node | null;
}
