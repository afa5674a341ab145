/** Who is asking. `agency` is a session of the platform, or of a user, that assumed an agency. */
export type PrincipalKind = 'root' | 'user' | 'agency';

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
  credential: 'token' | 'access-key' | 'temporary-key' | 'signed-url' | 'internal';
  /** The user for whom an agency session works, where known. */
  onBehalfOf?: { id: string; name: string };
}
