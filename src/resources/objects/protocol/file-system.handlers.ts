import { obsFailure } from '../failures.ts';
import { MAX_PUT_BYTES } from '../object.ts';
import { body, type ObsCall, type ObsHandler, refuseUnsupported, sendEmpty } from './call.ts';
import { readOptions } from './encryption.ts';

/** `POST /key?name=/new/key&rename` (OBS "Renaming an Object"). */
export const renameObject: ObsHandler = async call => {
  call.proceed();
  await call.services.fileSystem.rename(call.principal, call.path, call.address.query.get('name') ?? '');
  sendEmpty(call, 204);
};

/** `PUT /key?truncate&length=` (OBS "Truncating an Object"). */
export const truncateObject: ObsHandler = async call => {
  call.proceed();
  const length = offset(call, 'length');
  await call.services.fileSystem.truncate(call.principal, call.path, length, readOptions(call));
  sendEmpty(call, 204);
};

/** `PUT /key?modify&position=` (OBS "Modifying an Object"). */
export const modifyObject: ObsHandler = async call => {
  refuseUnsupported(call);
  const position = offset(call, 'position');
  const customer = readOptions(call);
  await call.services.guard.require(call.principal, 'obs:object:PutObject', call.path);
  const { source, ...expected } = body(call, MAX_PUT_BYTES);
  const options = { ...expected, ...customer };
  const info = await call.services.fileSystem.modify(call.principal, call.path, position, source, options);
  call.response.setHeader('ETag', `"${info.etag}"`);
  sendEmpty(call, 200);
};

function offset(call: ObsCall, name: string): number {
  const text = call.address.query.get(name) ?? '';
  if (!/^\d{1,15}$/.test(text)) throw obsFailure('InvalidArgument', `${name} must be a number of bytes.`);
  return Number(text);
}
