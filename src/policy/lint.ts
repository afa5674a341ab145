import { catalogueActions } from './catalogue.ts';
import { knownActions } from './known-actions.ts';
import { type ParseOptions, type Policy, type PolicyWarning, parsePolicy } from './policy.ts';
import { PolicyError } from './policy-error.ts';

/** What is to be said about the text of a policy. */
export interface PolicyLint {
  /** Present when the text is a valid policy. */
  policy?: Policy;
  /** Present when it is not. */
  error?: { path: string; problem: string; allowed: string };
  /** Empty when it is not valid: what was read before the error is not worth a word yet. */
  warnings: PolicyWarning[];
}

/** Examines the text of a custom policy; never throws for what is wrong with it. Known actions: the catalogue. */
export function lintPolicy(text: string, options: ParseOptions = {}): PolicyLint {
  try {
    return parsePolicy(text, { knownActions: knownActions(catalogueActions), ...options });
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const { path, problem, allowed } = error;
    return { error: { path, problem, allowed }, warnings: [] };
  }
}
