import type { Clock } from '../../../kernel/clock.ts';
import { obsFailure } from '../failures.ts';
import { MAX_PUT_BYTES, type ObsPath } from '../object.ts';
import {
  ANONYMOUS,
  type Authenticated,
  checkToken,
  parseCredential,
  type ResolvedKey,
  type ResolveKey,
  resolveKey,
  same,
  signedUrl,
} from './authenticate.ts';
import { AWS, type Dialect, OBS } from './dialect.ts';
import type { Form } from './form.ts';
import { checkPostPolicy, parsePostPolicy } from './post-policy.ts';
import { signV2 } from './signature-v2.ts';
import { signV4, v4SigningKey } from './signature-v4.ts';

const CREDENTIAL_FIELDS = [
  'policy',
  'signature',
  'accesskeyid',
  'awsaccesskeyid',
  'x-amz-credential',
  'x-amz-signature',
  'x-amz-security-token',
  'x-obs-security-token',
];

/** Who uploads by a form, and what its policy allows. */
export interface AuthenticatedForm extends Authenticated {
  /** Bytes of the file, inclusive. */
  size: { min: number; max: number };
}

/** The dialect of a form by the names of its fields. */
export function formDialect(form: Form): Dialect {
  const aws = [...form.fields.keys()].some(name => name.startsWith('x-amz-') || name === 'awsaccesskeyid');
  return aws ? AWS : OBS;
}

/** The key that the form asks for, with `${filename}` filled in. Throws Failure InvalidArgument. */
export function formKey(form: Form): string {
  const key = (form.fields.get('key') ?? '').replaceAll(/\$\{filename\}/g, () => form.fileName);
  if (key === '') throw obsFailure('InvalidArgument', 'The form has no field "key" that names the object.');
  return key;
}

/**
 * Finds out who signed the policy of a form, and checks the form against it: OBS and AWS v2 fields (`AccessKeyId` or
 * `AWSAccessKeyId`, `policy`, `signature`; or OBS' `token` of all three) and AWS v4 fields (`x-amz-credential` and its
 * like). Throws Failure AccessDenied, InvalidPolicyDocument, InvalidAccessKeyId, SignatureDoesNotMatch or InvalidToken.
 */
export async function authenticateForm(
  form: Form,
  path: ObsPath,
  resolve: ResolveKey,
  clock: Clock,
): Promise<AuthenticatedForm> {
  const dialect = formDialect(form);
  const fields = withToken(form.fields);
  const policyText = fields.get('policy');
  if (!CREDENTIAL_FIELDS.some(field => fields.has(field))) {
    // Nobody known: what is open to everybody is open to forms.
    return { principal: ANONYMOUS, dialect, signature: 'none', size: { min: 0, max: MAX_PUT_BYTES } };
  }
  if (!policyText) throw obsFailure('AccessDenied', 'The form carries no signed policy.');
  const { key, signature } = await signer(fields, policyText, resolve, clock);
  checkToken(key, fields.get(dialect.tokenParameter));
  const policy = parsePostPolicy(policyText);
  const given = (field: string): string[] => {
    if (field === 'bucket') return [path.bucket];
    const value = form.fields.get(field);
    if (value === undefined) return [];
    return field === 'key' ? [value, path.key] : [value];
  };
  checkPostPolicy(policy, form.fields, given, clock.now());
  return { principal: signedUrl(key), dialect, signature, size: policy.size };
}

async function signer(
  fields: ReadonlyMap<string, string>,
  policy: string,
  resolve: ResolveKey,
  clock: Clock,
): Promise<{ key: ResolvedKey; signature: Authenticated['signature'] }> {
  if (fields.has('x-amz-credential')) {
    if (fields.get('x-amz-algorithm') !== 'AWS4-HMAC-SHA256') {
      throw obsFailure('InvalidArgument', 'x-amz-algorithm must be AWS4-HMAC-SHA256.');
    }
    const { access, scope } = parseCredential(fields.get('x-amz-credential'));
    if (!fields.get('x-amz-date')?.startsWith(scope.date)) {
      throw obsFailure('AccessDenied', 'The date of the credential differs from x-amz-date.');
    }
    const key = await resolveKey(resolve, access, clock);
    const wanted = signV4(v4SigningKey(key.secret, scope), policy);
    if (!same(wanted, fields.get('x-amz-signature') ?? '')) throw obsFailure('SignatureDoesNotMatch');
    return { key, signature: 'v4' };
  }
  const obs = fields.get('accesskeyid');
  const access = obs ?? fields.get('awsaccesskeyid');
  const signature = fields.get('signature');
  if (!access || !signature) {
    throw obsFailure(
      'AccessDenied',
      'The form needs the fields AccessKeyId (or AWSAccessKeyId), policy and signature.',
    );
  }
  const key = await resolveKey(resolve, access, clock);
  if (!same(signV2(key.secret, policy), signature)) throw obsFailure('SignatureDoesNotMatch');
  return { key, signature: obs === undefined ? 'v2' : 'obs' };
}

/** OBS' field `token` holds `<access key>:<signature>:<policy>`. */
function withToken(fields: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const token = fields.get('token');
  if (token === undefined) return fields;
  const [access = '', signature = '', policy = ''] = token.split(':');
  return new Map([...fields, ['accesskeyid', access], ['signature', signature], ['policy', policy]]);
}
