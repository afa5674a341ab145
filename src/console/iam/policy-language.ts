import { conditionKeys } from '../../policy/condition-keys.ts';
import { operatorNames } from '../../policy/operators.ts';
import type { JsonLanguage } from '../parts/json-editor.tsx';
import { allActions, read } from './policy-document.ts';

const MEMBERS = ['Version', 'Statement', 'Effect', 'Action', 'Resource', 'Condition'];

/** Policies of IAM. */
export const policyLanguage: JsonLanguage = {
  examine: read,
  words(names, as) {
    const inCondition = names.indexOf('Condition');
    if (as === 'member') {
      if (inCondition === 0) return operatorNames;
      return inCondition === 1 ? conditionKeys : MEMBERS;
    }
    if (inCondition !== -1) return names[0] === 'modelarts:poolType' ? ['public', 'dedicated'] : [];
    if (names[0] === 'Action') return allActions;
    if (names[0] === 'Effect') return ['Allow', 'Deny'];
    return names[0] === 'Version' ? ['1.1'] : [];
  },
};
