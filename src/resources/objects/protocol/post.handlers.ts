import { obsFailure } from '../failures.ts';
import { MAX_PUT_BYTES } from '../object.ts';
import { encodeStrictly } from './address.ts';
import {
  body,
  type ObsCall,
  type ObsHandler,
  refuseUnsupported,
  requestAttributes,
  sendEmpty,
  sendXml,
} from './call.ts';
import { encryptionRequest } from './encryption.ts';
import { tellWritten } from './object.handlers.ts';

/** Fields that say what a header of a PUT says. */
const HEADER_FIELD =
  /^(x-(obs|amz)-(?!algorithm$|credential$|date$|signature$|security-token$).*|content-(type|md5|disposition|encoding|language)|cache-control|expires)$/;

/** An upload from a browser's form (OBS "Uploading Objects - POST", S3 "POST Object"). */
export const postObject: ObsHandler = async call => {
  const { services, principal, path } = call;
  const { size } = call.form!;
  const write = asPut(call);
  refuseUnsupported(write);
  const encrypt = encryptionRequest(write);
  const given = requestAttributes(write);
  await services.guard.require(principal, 'obs:object:PutObject', path);
  const { source, verify, md5 } = body(write, Math.min(size.max, MAX_PUT_BYTES));
  const info = await services.objects.put(principal, path, source, {
    via: 'Post',
    ...given,
    ...(md5 === undefined ? {} : { md5 }),
    ...(encrypt ? { encrypt } : {}),
    verify(written) {
      if (written.size < size.min) {
        throw obsFailure(
          'EntityTooSmall',
          `The file has ${written.size} bytes; the policy wants ${size.min} at least.`,
        );
      }
      return verify();
    },
  });
  tellWritten(write, info);
  answer(call, info.etag);
};

/** The same call as if the form's fields had been the headers of a PUT. */
function asPut(call: ObsCall): ObsCall {
  const { fields } = call.form!;
  const headers: Record<string, string> = {};
  for (const [name, value] of fields) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they would end the header when it is told again
    if (/[\x00-\x1f\x7f]/.test(value)) {
      if (!HEADER_FIELD.test(name)) continue;
      throw obsFailure('InvalidArgument', `The field "${name}" holds control characters.`);
    }
    // As the bytes of a header come: one character for each byte of UTF-8.
    if (HEADER_FIELD.test(name)) headers[name] = Buffer.from(value).toString('latin1');
    else if (name === 'acl') headers[`${call.dialect.prefix}acl`] = value;
  }
  const request = Object.create(call.request, { headers: { value: headers } }) as ObsCall['request'];
  return { ...call, request };
}

function answer(call: ObsCall, etag: string): void {
  const { fields } = call.form!;
  const { bucket, key } = call.path;
  const redirect = fields.get('success_action_redirect') ?? fields.get('redirect');
  if (redirect !== undefined && /^https?:$/.test(URL.parse(redirect)?.protocol ?? '')) {
    const url = new URL(redirect);
    for (const [name, value] of Object.entries({ bucket, key, etag: `"${etag}"` }))
      url.searchParams.append(name, value);
    call.response.setHeader('Location', url.href);
    sendEmpty(call, 303);
    return;
  }
  const place = encodeStrictly(key).replaceAll('%2F', '/');
  const root = call.address.virtualHost ? '' : `/${bucket}`;
  const location = `http://${call.request.headers.host ?? ''}${root}/${place}`;
  call.response.setHeader('Location', location);
  switch (fields.get('success_action_status')) {
    case '200':
      sendEmpty(call, 200);
      break;
    case '201':
      sendXml(
        call,
        [
          'PostResponse',
          [
            ['Location', location],
            ['Bucket', bucket],
            ['Key', key],
            ['ETag', `"${etag}"`],
          ],
        ],
        201,
      );
      break;
    default:
      sendEmpty(call, 204);
  }
}
