import type { Principal } from '../../../kernel/principal.ts';

/** Whom a statement of a bucket's policy names. */
export type NamedPrincipal =
  | { who: 'anyone' }
  | { who: 'account'; account: string }
  | { who: 'user' | 'agency'; account: string; name: string };

const ACCOUNT = '[A-Za-z0-9_-]{1,64}';
const NAME = '[^/:*]{1,128}|\\*';
const OBS_FORM = new RegExp(`^domain/(${ACCOUNT})(?::(user|agency)/(${NAME}))?$`);
const ARN_FORM = new RegExp(`^arn:[a-z-]+:iam::(${ACCOUNT}):(?:(root)|(user|role)/(?:[^:*]*/)?(${NAME}))$`);
const SESSION_FORM = new RegExp(`^arn:[a-z-]+:sts::(${ACCOUNT}):assumed-role/(${NAME})/[^/:]+$`);
/** Ids of users and agencies here: names of this form are never looked at, so that nobody takes another's id for a name. */
const ID = /^[0-9a-f]{32}$/;

/** What may stand for a principal, for messages. */
export const PRINCIPAL_FORM =
  '"*", {"ID": ["domain/<account id>", "domain/<account id>:user/<user>", "domain/<account id>:agency/<agency>"]} or {"AWS": ["arn:aws:iam::<account id>:user/<user>"]}';

/** Reads a member of `Principal.ID` (OBS). Undefined when it is of no known form. */
export function parseObsPrincipal(text: string): NamedPrincipal | undefined {
  if (text === '*') return { who: 'anyone' };
  const [, account, kind, name] = OBS_FORM.exec(text) ?? [];
  if (account === undefined) return undefined;
  if (kind === undefined || name === undefined) return { who: 'account', account };
  return { who: kind as 'user' | 'agency', account, name };
}

/** Reads a member of `Principal.AWS` or `Principal.CanonicalUser` (S3). Roles are agencies. */
export function parseAwsPrincipal(text: string): NamedPrincipal | undefined {
  if (text === '*') return { who: 'anyone' };
  if (new RegExp(`^${ACCOUNT}$`).test(text)) return { who: 'account', account: text };
  const [, holder, agency] = SESSION_FORM.exec(text) ?? [];
  if (holder !== undefined && agency !== undefined) return { who: 'agency', account: holder, name: agency };
  const [, account, root, kind, name] = ARN_FORM.exec(text) ?? [];
  if (account === undefined) return undefined;
  if (root !== undefined || name === undefined) return { who: 'account', account };
  return { who: kind === 'role' ? 'agency' : 'user', account, name };
}

/** Whether `principal` is meant. An account stands for everybody in it. */
export function isNamed(named: NamedPrincipal, principal: Principal): boolean {
  if (named.who === 'anyone') return true;
  if (principal.kind === 'anonymous' || principal.accountId !== named.account) return false;
  if (named.who === 'account') return true;
  if ((principal.kind === 'agency') !== (named.who === 'agency')) return false;
  if (named.name === '*' || named.name === principal.id) return true;
  return named.name === principal.name && !ID.test(named.name);
}
