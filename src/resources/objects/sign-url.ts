import { hmacText } from '../../kernel/hmac.ts';

export interface SignUrlInput {
  method: 'GET' | 'PUT';
  bucket: string;
  key: string;
  expiresSeconds: number;
  /** Base address of the object endpoint, `http://host:port`. */
  endpoint: string;
  responseContentType?: string;
  responseContentDisposition?: string;
}

/** A path-style URL with an OBS query signature, good until it expires or the credential does (api/README 4.3). */
export function signUrl(
  credential: { access: string; secret: string; securityToken?: string },
  input: SignUrlInput,
  now: number,
): string {
  const expires = String(Math.floor(now / 1000) + input.expiresSeconds);
  const path = `/${encodeURIComponent(input.bucket)}/${input.key.split('/').map(strict).join('/')}`;
  const signed: [string, string][] = [];
  if (input.responseContentDisposition) {
    signed.push(['response-content-disposition', input.responseContentDisposition]);
  }
  if (input.responseContentType) signed.push(['response-content-type', input.responseContentType]);
  if (credential.securityToken) signed.push(['x-obs-security-token', credential.securityToken]);
  const resource = signed.length > 0 ? `${path}?${signed.map(pair => pair.join('=')).join('&')}` : path;
  const text = `${input.method}\n\n\n${expires}\n${resource}`;
  const signature = hmacText('sha1', credential.secret, text, 'base64');
  const query = [['AccessKeyId', credential.access], ['Expires', expires], ['Signature', signature], ...signed];
  const pairs = query.map(([name, value]) => `${name}=${strict(value!)}`);
  return `${input.endpoint.replace(/\/+$/, '')}${path}?${pairs.join('&')}`;
}

function strict(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
