/** A key pair as it is kept: the public half alone. */
export interface KeyPair {
  id: number;
  accountId: string;
  projectId: string;
  /** Who made it. */
  userId: string;
  name: string;
  /** `domain`: all users of the account may use it; `user`: whoever made it. */
  scope: 'domain' | 'user';
  /** `type base64`. */
  publicKey: string;
  fingerprint: string;
  description: string;
  createdAt: number;
  updatedAt: number;
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
export const NAME_FORM = '1 to 64 letters, digits, "_" and "-"';

/** Whether a text can be the name of a key pair. */
export function isKeyPairName(text: string): boolean {
  return NAME.test(text);
}

/** The algorithm as KPS names it. */
export function algorithmOf(pair: KeyPair): string {
  const type = pair.publicKey.split(' ')[0]!;
  if (type === 'ssh-ed25519') return 'ED25519';
  return type === 'ssh-rsa' ? 'RSA' : 'ECDSA';
}
