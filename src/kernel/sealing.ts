import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Encrypts a secret that must be read again (AES-256-GCM); `context` binds it to its place. */
export function seal(key: Buffer, secret: string | Buffer, context: string): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(context));
  const sealed = Buffer.concat([cipher.update(Buffer.from(secret)), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64');
}

/** Decrypts what `seal` made. Throws when it was changed or stands in another place. */
export function unsealBytes(key: Buffer, text: string, context: string): Buffer {
  const data = Buffer.from(text, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, 12));
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(data.subarray(12, 28));
  return Buffer.concat([decipher.update(data.subarray(28)), decipher.final()]);
}

/** `unsealBytes`, of a text. */
export function unseal(key: Buffer, text: string, context: string): string {
  return unsealBytes(key, text, context).toString('utf8');
}
