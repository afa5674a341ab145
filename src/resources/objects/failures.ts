import { Failure } from '../../kernel/failure.ts';

/** Documented error codes of OBS and S3 with their HTTP status and the text used when no better one is at hand. */
const CODES = {
  AccessDenied: [403, 'Access denied.'],
  AccessForbidden: [403, 'Cross-origin requests of this kind are not allowed.'],
  BadDigest: [400, 'The Content-MD5 you specified does not match what was received.'],
  BadRequest: [400, 'The request lacks information that it needs.'],
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
  InsufficientStorageSpace: [403, "The write would exceed the bucket's quota."],
  InternalError: [500, 'The server met an error of its own. Try again; its log names the cause.'],
  InvalidAccessKeyId: [403, 'The access key does not exist, is disabled or has expired.'],
  InvalidArgument: [400, 'An argument is not valid.'],
  InvalidBucketName: [400, 'The bucket name is not valid.'],
  InvalidDigest: [400, 'Content-MD5 is not the base64 form of 16 bytes.'],
  InvalidLocationConstraint: [400, 'The location is not one of this installation.'],
  InvalidObjectState: [403, "The operation is not valid for the object's storage class."],
  InvalidPart: [400, 'A part was not uploaded, or its ETag differs from the one listed.'],
  InvalidPartOrder: [400, 'The parts are not in ascending order of their numbers.'],
  InvalidRange: [416, 'The range cannot be satisfied.'],
  InvalidRequest: [400, 'The request is not valid.'],
  InvalidStorageClass: [400, 'The storage class is not valid.'],
  InvalidTag: [400, 'A tag is not valid.'],
  InvalidTargetBucketForLogging: [400, 'The target bucket for logging is not valid.'],
  InvalidToken: [400, 'The security token does not belong to the access key.'],
  InvalidURI: [400, 'The address cannot be decoded.'],
  KeyTooLongError: [400, 'The key exceeds 1,024 bytes of UTF-8.'],
  MalformedXML: [400, 'The XML is not well-formed or not what this operation expects.'],
  MetadataTooLarge: [400, 'User metadata exceeds 8 KB.'],
  MethodNotAllowed: [405, 'The method is not allowed here.'],
  MissingContentLength: [411, 'Content-Length is missing.'],
  MissingRequestBodyError: [400, 'The request needs a body.'],
  NoSuchBucket: [404, 'The bucket does not exist.'],
  NoSuchBucketPolicy: [404, 'The bucket has no policy.'],
  NoSuchCORSConfiguration: [404, 'The bucket has no CORS configuration.'],
  NoSuchDirectColdAccessConfiguration: [404, 'Direct access to cold objects is not set on the bucket.'],
  NoSuchEncryptionConfiguration: [404, 'The bucket has no encryption configuration.'],
  NoSuchKey: [404, 'The object does not exist.'],
  NoSuchLifecycleConfiguration: [404, 'The bucket has no lifecycle configuration.'],
  NoSuchTagSet: [404, 'There is no tag set.'],
  NoSuchUpload: [404, 'The multipart upload does not exist: it was completed, aborted or never begun.'],
  NoSuchWebsiteConfiguration: [404, 'The bucket has no website configuration.'],
  NotImplemented: [501, 'This function is not implemented.'],
  PreconditionFailed: [412, 'A condition of the request does not hold.'],
  RequestTimeTooSkewed: [403, "The request's time differs from the server's by more than 15 minutes."],
  ServerSideEncryptionConfigurationNotFoundError: [404, 'The bucket has no encryption configuration.'],
  RestoreAlreadyInProgress: [409, 'The object is being restored.'],
  SignatureDoesNotMatch: [403, 'The signature does not match: check the secret key and the signing method.'],
  SlowDown: [503, 'Too much at once: try again later.'],
  XAmzContentSHA256Mismatch: [400, 'The sha256 of the body differs from the announced one.'],
} as const satisfies Record<string, readonly [number, string]>;

export type ObsCode = keyof typeof CODES;

/** A Failure with a documented OBS code; `message` replaces the general text. */
export function obsFailure(code: ObsCode, message?: string, cause?: unknown): Failure {
  const [status, text] = CODES[code];
  return new Failure({ code, status, message: message ?? text, cause });
}
