/** A bucket, or what lies at or below a key of it. */
export interface ObsUrl {
  bucket: string;
  key: string;
}

/** `obs://bucket/key` taken apart, or undefined when the text is not an OBS address. */
export function parseObsUrl(text: string): ObsUrl | undefined {
  const match = /^(?:obs|s3):\/\/([^/]+)\/?([\s\S]*)$/.exec(text);
  return match ? { bucket: match[1]!, key: match[2]! } : undefined;
}

/** The usual text of a place. */
export function obsUrlText(url: ObsUrl): string {
  return `obs://${url.bucket}/${url.key}`;
}
