import { autocompletion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete';
import { json } from '@codemirror/lang-json';
import { syntaxHighlighting, syntaxTree } from '@codemirror/language';
import { type Diagnostic, linter, lintGutter, lintKeymap } from '@codemirror/lint';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, lineNumbers } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import { minimalSetup } from 'codemirror';
import { useEffect, useRef } from 'react';
import { rangeOf } from './json-position.ts';
import './json-editor.css';

/** What an editor knows of documents of one kind. */
export interface JsonLanguage {
  /** Says what is wrong with a document, by JSON paths such as `$.Statement[0].Effect`. */
  examine(text: string): {
    error?: { path: string; problem: string; allowed: string };
    warnings: readonly { path: string; message: string }[];
  };
  /** What may stand at a place: as the name of a member, or as a value. `names`: the members around it, the innermost first. */
  words(names: readonly string[], as: 'member' | 'value'): readonly string[];
}

/** The text of a document, with the validator's word at the place that it speaks of, and completion of what may stand there. */
export default function JsonEditor(props: {
  label: string;
  text: string;
  /** Needed where the text may be changed. The same object each time. */
  language?: JsonLanguage;
  onChange?: (text: string) => void;
  readOnly?: boolean;
}) {
  const { label, text, language, readOnly = false } = props;
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
          ...(readOnly || !language
            ? []
            : [
                lintGutter(),
                keymap.of(lintKeymap),
                linter(view => diagnose(view, language), { delay: 150 }),
                autocompletion({ override: [context => complete(context, language)], activateOnTyping: true }),
              ]),
          EditorView.updateListener.of(update => {
            if (update.docChanged) told.current?.(update.state.doc.toString());
          }),
        ],
      }),
    });
    view.current = editor;
    return () => editor.destroy();
  }, [label, readOnly, language]);
  useEffect(() => {
    const editor = view.current;
    // What came from here is there already; replacing it would move the cursor.
    if (!editor || editor.state.doc.toString() === text) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });
  }, [text]);
  return <div ref={place} className="json-editor" />;
}

function diagnose({ state }: EditorView, language: JsonLanguage): Diagnostic[] {
  const text = state.doc.toString();
  if (text.trim() === '') return [];
  const { error, warnings } = language.examine(text);
  if (error) {
    const message = `${error.problem}. ${error.allowed}`;
    return [{ ...rangeOf(state, error.path, error.problem), severity: 'error', message }];
  }
  return warnings.map(({ path, message }) => ({ ...rangeOf(state, path, ''), severity: 'warning', message }));
}

/** What may stand in the string at the cursor, which need not have its end yet. */
function complete(context: CompletionContext, language: JsonLanguage): CompletionResult | null {
  const begun = context.matchBefore(/"[^"\n]*/);
  if (!begun) return null;
  const options = choices(context.state, begun.from, language).map(label => ({ label }));
  return { from: begun.from + 1, options, validFor: /^[\w:.*/-]*$/ };
}

/** What may stand in the string that begins at `from`, told by the members around it. */
function choices(state: EditorState, from: number, language: JsonLanguage): readonly string[] {
  const before = state.sliceDoc(0, from).trimEnd();
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
  return language.words(names, inObject && owner === undefined ? 'member' : 'value');
}

interface Node {
  name: string;
  from: number;
  parent: Node | null;
}
