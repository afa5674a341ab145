import { restoreState } from '../archive.ts';
import { obsFailure } from '../failures.ts';
import { expirationOf } from '../lifecycle.ts';
import type { ObjectInfo } from '../object.ts';
import { documentText, type ObsCall, type ObsHandler, sendEmpty } from './call.ts';
import { parseXml } from './xml.ts';
import { group, integer, oneOf, readShape, required, type Shape, text } from './xml-shape.ts';

const TIER = group<{ Tier?: string }>({ Tier: oneOf<string>('Expedited', 'Standard', 'Bulk') });

interface RestoreRequest {
  Days: number;
  RestoreJob?: { Tier?: string };
  GlacierJobParameters?: { Tier?: string };
  Tier?: string;
  Type?: string;
  Description?: string;
}

/** `<RestoreRequest>`: 1 to 30 days (OBS "Restoring an Archive Object"); all tiers take the same time here. */
const restoreShape: Shape<RestoreRequest> = {
  Days: required(integer(1, 30)),
  RestoreJob: TIER,
  GlacierJobParameters: TIER,
  Tier: oneOf<string>('Expedited', 'Standard', 'Bulk'),
  Type: absentType(),
  Description: text(1024),
};

function absentType() {
  return text(20, /^$/, 'left out: SELECT is not supported');
}

/** `POST ?restore`: 202, or 200 where the object is restored already and stays so for longer. */
export const restoreObject: ObsHandler = async call => {
  const document = await documentText(call);
  if (document === undefined) throw obsFailure('MissingRequestBodyError', 'The request needs a RestoreRequest.');
  const { Days } = readShape(parseXml(document, 'RestoreRequest'), restoreShape, 'RestoreRequest', call.dialect);
  const { archive } = call.services;
  const version = call.address.query.get('versionId') || undefined;
  const already = await archive.restore(call.principal, call.path, Days, version);
  sendEmpty(call, already ? 200 : 202);
};

/** `x-obs-restore`, `x-obs-expiration` and `x-obs-website-redirect-location` of an object that is told of. */
export async function tellState(call: ObsCall, info: ObjectInfo): Promise<void> {
  const { response, dialect, services } = call;
  const now = services.clock.now();
  if (info.storageClass === 'COLD' && info.restore) {
    const state = restoreState(info, now);
    const until = new Date(info.restore.until).toUTCString();
    if (state === 'restoring') response.setHeader(`${dialect.prefix}restore`, 'ongoing-request="true"');
    if (state === 'restored') {
      response.setHeader(`${dialect.prefix}restore`, `ongoing-request="false", expiry-date="${until}"`);
    }
  }
  if (info.redirect) response.setHeader(`${dialect.prefix}website-redirect-location`, info.redirect);
  const rules = (await services.settings.having('lifecycle')).get(info.bucket)?.value;
  const expiration = rules && expirationOf(rules, info);
  const at = Math.min(expiration?.at ?? Number.POSITIVE_INFINITY, info.expiresAt ?? Number.POSITIVE_INFINITY);
  if (at === Number.POSITIVE_INFINITY) return;
  const rule = expiration?.at === at ? `, rule-id="${encodeURIComponent(expiration.id)}"` : '';
  response.setHeader(`${dialect.prefix}expiration`, `expiry-date="${new Date(at).toUTCString()}"${rule}`);
}
