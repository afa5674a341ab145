import { Failure } from '../../kernel/failure.ts';

/** Documented error codes of OBS and S3 with their HTTP status and the text used when no better one is at hand. */
const CODES = {
  AccessDenied: [403, 'Access denied.'],
  BadDigest: [400, 'The Content-MD5 you specified does not match what was received.'],
  BucketAlreadyExists: [
    409,
    'The bucket name is taken by another account. Names are shared by all: choose another one.',
  ],
  BucketAlreadyOwnedByYou: [409, 'You already own a bucket of this name.'],
  BucketNotEmpty: [409, 'The bucket is not empty: delete its objects and unfinished uploads first.'],
  EntityTooLarge: [400, 'The object exceeds 5 GB, the limit of a single upload: use a multipart upload.'],
  EntityTooSmall: [400, 'A part other than the last is smaller than the minimum.'],
  ExpiredToken: [400, 'The security token has expired: ask for a new temporary credential.'],
  IncompleteBody: [400, 'The body ended before the announced number of bytes was received.'],
  IncorrectNumberOfFilesInPostRequest: [400, 'A form must hold exactly one file, in its field "file".'],
  InternalError: [500, 'The server met an error of its own. Try again; its log names the cause.'],
  InvalidAccessKeyId: [403, 'The access key does not exist, is disabled or has expired.'],
  InvalidArgument: [400, 'An argument is not valid.'],
  InvalidBucketState: [409, 'The bucket does not allow this in its present state.'],
  InvalidBucketName: [400, 'The bucket name is not valid.'],
  InvalidDigest: [400, 'Content-MD5 is not the base64 form of 16 bytes.'],
  InvalidEncryptionAlgorithmError: [400, 'The encryption algorithm is not valid. The valid value is AES256.'],
  InvalidLocationConstraint: [400, 'The location is not one of this installation.'],
  InvalidPart: [400, 'A part was not uploaded, or its ETag differs from the one listed.'],
  InvalidPartOrder: [400, 'The parts are not in ascending order of their numbers.'],
  InvalidPolicyDocument: [400, 'The policy of the form is not valid.'],
  InvalidRange: [416, 'The range cannot be satisfied.'],
  InvalidRequest: [400, 'The request is not valid.'],
  InvalidStorageClass: [400, 'The storage class is not valid.'],
  InvalidTag: [400, 'A tag is not valid.'],
  InvalidToken: [400, 'The security token does not belong to the access key.'],
  InvalidURI: [400, 'The address cannot be decoded.'],
  KeyTooLongError: [400, 'The key exceeds 1,024 bytes of UTF-8.'],
  MalformedPOSTRequest: [400, 'The body of the POST request is not well-formed multipart/form-data.'],
  MalformedPolicy: [400, 'The policy is not valid.'],
  MalformedXML: [400, 'The XML is not well-formed or not what this operation expects.'],
  MaxPostPreDataLengthExceededError: [400, 'The fields before the file of the form are too large.'],
  MetadataTooLarge: [400, 'User metadata exceeds 8 KB.'],
  MethodNotAllowed: [405, 'The method is not allowed here.'],
  MissingContentLength: [411, 'Content-Length is missing.'],
  MissingRequestBodyError: [400, 'The request needs a body.'],
  NoSuchBucket: [404, 'The bucket does not exist.'],
  NoSuchBucketPolicy: [404, 'The bucket has no policy.'],
  NoSuchCORSConfiguration: [404, 'The bucket has no CORS configuration.'],
  NoSuchEncryptionConfiguration: [404, 'The bucket has no encryption configuration.'],
  NoSuchKey: [404, 'The object does not exist.'],
  NoSuchLifecycleConfiguration: [404, 'The bucket has no lifecycle configuration.'],
  NoSuchPublicAccessBlockConfiguration: [404, 'The bucket has no public access block configuration.'],
  NoSuchTagSet: [404, 'There is no tag set.'],
  NoSuchVersion: [404, 'The version does not exist.'],
  NoSuchUpload: [404, 'The multipart upload does not exist: it was completed, aborted or never begun.'],
  NoSuchWebsiteConfiguration: [404, 'The bucket has no website configuration.'],
  ObjectNotAppendable: [409, 'The object was not made by appending.'],
  PositionNotEqualToLength: [409, 'The position differs from the length of the object.'],
  MalformedACLError: [400, 'The access control list is not well-formed or not valid.'],
  NotImplemented: [501, 'This function is not implemented.'],
  OperationAborted: [409, 'The operation conflicts with what is there or with another operation.'],
  PreconditionFailed: [412, 'A condition of the request does not hold.'],
  RequestTimeTooSkewed: [403, "The request's time differs from the server's by more than 15 minutes."],
  ServerSideEncryptionConfigurationNotFoundError: [404, 'The bucket has no encryption configuration.'],
  SignatureDoesNotMatch: [403, 'The signature does not match: check the secret key and the signing method.'],
  SlowDown: [503, 'Too much at once: try again later.'],
  XAmzContentSHA256Mismatch: [400, 'The sha256 of the body differs from the announced one.'],
} as const satisfies Record<string, readonly [number, string]>;

export type ObsCode = keyof typeof CODES;

/** A Failure with a documented OBS code; `message` replaces the general text. */
export function obsFailure(
  code: ObsCode,
  message?: string,
  cause?: unknown,
  details?: Record<string, unknown>,
): Failure {
  const [status, text] = CODES[code];
  return new Failure({ code, status, message: message ?? text, cause, ...(details ? { details } : {}) });
}
