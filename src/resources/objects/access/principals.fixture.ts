import type { Principal } from '../../../kernel/principal.ts';
import type { Decision } from '../../../policy/authorizer.ts';
import { person } from '../world.fixture.ts';

/** Callers of every kind, with what IAM says of each: `all` it asks for, `none`, `denied` by a statement, or reading objects alone. */
export interface Caller {
  principal: Principal;
  iam: 'all' | 'none' | 'denied' | 'reads';
}

const agency = (name: string): Principal => ({ ...person(name), kind: 'agency', credential: 'temporary-key' });

/** The bucket is `acme`'s; `evil` is another account. */
export const callers: Record<string, Caller> = {
  root: { principal: { ...person('root'), kind: 'root' }, iam: 'all' },
  granted: { principal: person('granted'), iam: 'all' },
  ungranted: { principal: person('ungranted'), iam: 'none' },
  denied: { principal: person('denied'), iam: 'denied' },
  agency: { principal: agency('agency'), iam: 'all' },
  idle: { principal: agency('idle'), iam: 'none' },
  narrowed: { principal: { ...person('narrowed'), credential: 'temporary-key' }, iam: 'reads' },
  foreignRoot: { principal: { ...person('foreign-root', 'evil'), kind: 'root' }, iam: 'all' },
  foreignGranted: { principal: person('foreign-granted', 'evil'), iam: 'all' },
  foreignUngranted: { principal: person('foreign-ungranted', 'evil'), iam: 'none' },
  third: { principal: { ...person('third', 'third'), kind: 'root' }, iam: 'all' },
  anonymous: {
    principal: { ...person('anonymous', ''), id: '', accountId: '', kind: 'anonymous', credential: 'none' },
    iam: 'none',
  },
};

/** What IAM answers a caller. */
export function iamAnswer(id: string, action: string): Decision {
  const caller = Object.values(callers).find(each => each.principal.id === id);
  switch (caller?.iam) {
    case 'all':
      return { allowed: true, reason: 'granted' };
    case 'reads':
      return action === 'obs:object:GetObject'
        ? { allowed: true, reason: 'granted' }
        : { allowed: false, reason: 'beyond the boundary', final: true };
    case 'denied':
      return { allowed: false, reason: 'a statement denies it', final: true };
    default:
      return { allowed: false, reason: 'no grant' };
  }
}
