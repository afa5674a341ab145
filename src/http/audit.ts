import type { Principal } from '../kernel/principal.ts';

/** One call that changes something, or that was refused, as the audit trail keeps it. Never holds bodies or credentials. */
export interface AuditRecord {
  requestId: string;
  /** The service it is a call of, as actions name it: `modelarts`, `iam`, `obs`. */
  service: string;
  operation: string;
  method: string;
  /** Path without query. */
  path: string;
  /** It changes nothing: it was refused. */
  readOnly: boolean;
  status: number;
  errorCode?: string;
  principalId?: string;
  principalName?: string;
  principalKind?: string;
  accountId?: string;
  accountName?: string;
  /** How the caller proved itself, or tried to. */
  credential?: string;
  /** For whom a session of an agency worked. */
  onBehalfOf?: { id: string; name: string; accountId?: string; accountName?: string };
  /** The action that was asked for, and what was decided; `none` where no policy was asked. */
  action?: string;
  verdict?: 'allow' | 'deny' | 'none';
  /** `kind/id` of what it was about. */
  target?: string;
  /** Id of the user whose the target is: who does something need not be who owns it. */
  ownerId?: string;
  workspaceId?: string;
  projectId?: string;
  sourceAddress: string;
  durationMs: number;
}

/** Takes a record; resolved means on disk, unless the call was refused (4xx): nothing changed, so nobody waits for that. */
export type Audit = (record: AuditRecord) => Promise<void>;

/** Who a call is put down to. Where a login fails: whoever it was tried for, as far as there is such an account and user. */
export type Attributed = Partial<
  Pick<Principal, 'kind' | 'id' | 'name' | 'accountId' | 'accountName' | 'onBehalfOf'>
> & {
  credential?: string;
};

/** What only the handler finds out. */
export interface AuditNote {
  /** Of a public operation. */
  who?: Attributed;
  /** `kind/id` of what it is about, where neither path nor answer tells. */
  target?: string;
}

/** The members of a record that say who it was. */
export function attributedTo(who: Attributed): Partial<AuditRecord> {
  return {
    ...(who.id === undefined ? {} : { principalId: who.id }),
    ...(who.name === undefined ? {} : { principalName: who.name }),
    ...(who.kind === undefined ? {} : { principalKind: who.kind }),
    ...(who.accountId === undefined ? {} : { accountId: who.accountId }),
    ...(who.accountName === undefined ? {} : { accountName: who.accountName }),
    ...(who.credential === undefined ? {} : { credential: who.credential }),
    ...(who.onBehalfOf === undefined ? {} : { onBehalfOf: who.onBehalfOf }),
  };
}
