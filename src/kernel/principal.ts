/**
 * Who is asking. `agency` is a session of the platform, or of a user, that assumed an agency; `federated` a user whom an identity
 * provider vouches for; `operator` whoever runs the installation, who belongs to no account; `anonymous` whoever shows no credential, where
 * that is let in at all: its id and account are empty.
 */
export type PrincipalKind = 'root' | 'user' | 'federated' | 'agency' | 'operator' | 'anonymous';

/** An authenticated caller and the scope its credential carries. */
export interface Principal {
  kind: PrincipalKind;
  /** Id of the user, or of the agency. */
  id: string;
  /** Name of the user, or of the agency. */
  name: string;
  /** The account (domain) that owns everything this principal may touch. */
  accountId: string;
  accountName: string;
  /** Project the credential is scoped to; absent for account-level credentials. */
  projectId?: string;
  projectName?: string;
  /** How it proved itself; `internal` is the platform acting in the background for a user. */
  credential: 'token' | 'access-key' | 'temporary-key' | 'signed-url' | 'operator-key' | 'internal' | 'none';
  /** The user for whom an agency session works, where known; with an account when it is another than the agency's (role switched). */
  onBehalfOf?: { id: string; name: string; accountId?: string; accountName?: string };
  /** Ids of the groups a federated user was mapped to; other kinds have theirs in IAM. */
  groups?: readonly string[];
  /** Address of the request that it came with; absent when the platform acts by itself. */
  sourceIp?: string;
  /** Its password was given by somebody else: it may choose another, and nothing more. */
  mustChangePassword?: boolean;
  /** JSON text of the policy a temporary credential was narrowed to: it may do what this allows too, and nothing else. */
  boundary?: string;
}

/**
 * Whose something is that a principal makes: the user for whom a session of the platform works; the agency itself where somebody of
 * another account switched to it, as that account's users are nobody here.
 */
export function ownerOf(principal: Principal): { id: string; name: string } {
  const { onBehalfOf } = principal;
  const owner =
    onBehalfOf && (onBehalfOf.accountId ?? principal.accountId) === principal.accountId ? onBehalfOf : principal;
  return { id: owner.id, name: owner.name };
}
