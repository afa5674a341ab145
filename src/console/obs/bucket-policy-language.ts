import { operatorNames } from '../../policy/operators.ts';
import { bucketPolicyFault, POLICY_WORDS } from '../../resources/objects/access/bucket-policy.ts';
import type { JsonLanguage } from '../parts/json-editor.tsx';

/** Policies of a bucket, judged by the code that will judge them on the server. */
export function bucketPolicyLanguage(bucket: string): JsonLanguage {
  return {
    examine(text) {
      const error = bucketPolicyFault(text, bucket);
      return { ...(error ? { error } : {}), warnings: [] };
    },
    words(names, as) {
      const inCondition = names.indexOf('Condition');
      if (as === 'member') {
        if (inCondition !== -1) return inCondition === 0 ? operatorNames : POLICY_WORDS.conditionKeys;
        if (names.length === 0) return POLICY_WORDS.root;
        return /Principal$/.test(names[0]!) ? POLICY_WORDS.principal : POLICY_WORDS.statement;
      }
      const name = names[0]?.replace(/^Not/, '');
      if (inCondition !== -1) return [];
      if (name === 'Action') return POLICY_WORDS.actions;
      if (name === 'Resource') return [bucket, `${bucket}/*`];
      if (name === 'Effect') return ['Allow', 'Deny'];
      return name === 'Version' ? POLICY_WORDS.versions : [];
    },
  };
}
