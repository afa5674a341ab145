/** An answer that the gateway gives by itself, with ModelArts' code (behaviour/errors.md 3.7). */
export interface Refusal {
  status: number;
  code: string;
  message: string;
  solution?: string;
}

const newToken = 'Get a new project-scoped token from IAM and send it in X-Auth-Token.';
const hashHint =
  'Send the header X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD and sign that word, or send a token in X-Auth-Token instead.';

/** Every refusal, by the name that the configuration uses. Texts hold neither apostrophes nor percent signs. */
export const REFUSALS = {
  wrongUrl: {
    status: 404,
    code: 'APIG.0101',
    message: 'The API does not exist or has not been published in the environment.',
    solution: 'Call /v1/infers/{service_id}, followed by the path that the model declares.',
  },
  noServiceId: {
    status: 400,
    code: 'ModelArts.4201',
    message: 'The URL holds no service id.',
    solution: 'Call /v1/infers/{service_id}, followed by the path that the model declares.',
  },
  unknownService: {
    status: 404,
    code: 'ModelArts.4503',
    message: 'Backend service not found: no service has the id given in the URL.',
    solution: 'Copy access_address from the details of the service.',
  },
  noCredentials: {
    status: 401,
    code: 'APIG.0301',
    message: 'Incorrect IAM authentication information: the request carries neither a token nor an AK/SK signature.',
    solution: newToken,
  },
  badToken: {
    status: 401,
    code: 'APIG.0301',
    message: 'Incorrect IAM authentication information: decrypt token fail.',
    solution: newToken,
  },
  expiredToken: {
    status: 401,
    code: 'APIG.0301',
    message: 'Incorrect IAM authentication information: the token has expired.',
    solution: newToken,
  },
  otherProject: {
    status: 403,
    code: 'ModelArts.4203',
    message: 'No access to the service: the credentials are of another project than the service.',
    solution: 'Use credentials scoped to the project that owns the service.',
  },
  notAllowed: {
    status: 401,
    code: 'ModelArts.4203',
    message:
      'No access to the service: the token has been revoked or its user may not invoke services of this workspace.',
    solution:
      'Get a new token, or ask the administrator for the permission modelarts:service:get and for entry into the workspace.',
  },
  verifierDown: {
    status: 503,
    code: 'ModelArts.4302',
    message: 'The caller cannot be verified right now because the management server does not answer.',
    solution: 'Retry in a moment, or call with the token of a user in X-Auth-Token, which needs no management server.',
  },
  signatureDenied: {
    status: 401,
    code: 'APIG.0301',
    message: 'Incorrect IAM authentication information: the signature was refused.',
  },
  signatureForbidden: { status: 403, code: 'ModelArts.4203', message: 'No access to the service.' },
  bodyNotHashed: {
    status: 413,
    code: 'APIG.0301',
    message:
      'Incorrect IAM authentication information: the body is too large for the gateway to check its signed hash.',
    solution: hashHint,
  },
  chunkedNotHashed: {
    status: 400,
    code: 'APIG.0301',
    message: 'Incorrect IAM authentication information: the signed hash of a chunked body cannot be checked.',
    solution: hashHint,
  },
  wrongHash: {
    status: 401,
    code: 'APIG.0301',
    message: 'Incorrect IAM authentication information: X-Sdk-Content-Sha256 is not the hash of the body.',
  },
  stopped: {
    status: 400,
    code: 'ModelArts.4203',
    message: 'The service is not started: it is stopped.',
    solution: 'Start the service, wait until its status is running and call again.',
  },
  deploying: {
    status: 400,
    code: 'ModelArts.4203',
    message: 'The service is not started: it is still being deployed.',
    solution: 'Wait until the status of the service is running and call again.',
  },
  failed: {
    status: 400,
    code: 'ModelArts.4203',
    message: 'The service is not started: its deployment failed.',
    solution: 'See the events and the log of the service, correct the cause and start it again.',
  },
  methodNotAllowed: {
    status: 405,
    code: 'ModelArts.4204',
    message: 'Method Not Allowed: the model declares no API with this method and path. POST is always allowed.',
    solution: 'Use POST, or declare the method and path in the apis of the model.',
  },
  noWebsocket: {
    status: 405,
    code: 'ModelArts.4204',
    message: 'Method Not Allowed: WebSocket is not enabled for this service.',
    solution: 'Set additional_properties.websocket_upgrade when creating the service.',
  },
  badRequest: { status: 400, code: 'ModelArts.4200', message: 'The request is not valid HTTP or was cut off.' },
  clientTimeout: {
    status: 408,
    code: 'ModelArts.4205',
    message: 'Connection timed out: the request did not arrive in time.',
  },
  noInstance: {
    status: 503,
    code: 'ModelArts.4302',
    message: 'Forwarding refused: no healthy instance of the service accepts connections.',
    solution: 'See the events and the log of the service: its instances may be crashed, overloaded or still starting.',
  },
  brokenAnswer: {
    status: 500,
    code: 'ModelArts.4503',
    message: 'The instance closed the connection without a valid HTTP response.',
    solution:
      'Check that the service is https exactly if the model says so, that it keeps connections open, and its log.',
  },
  internal: { status: 500, code: 'ModelArts.4503', message: 'The gateway could not process the exchange.' },
} satisfies Record<string, Refusal>;

export type RefusalName = keyof typeof REFUSALS;

/** The body of a request longer than `limit` bytes. */
export function tooLarge(limit: number): Refusal {
  const mib = limit / 1048576;
  const text = Number.isInteger(mib) ? `${mib} MB` : `${limit} bytes`;
  return {
    status: 413,
    code: 'APIG.0201',
    message: `Request entity too large: the body exceeds ${text}.`,
    solution: 'Send a smaller body, or put the data in OBS and send its path.',
  };
}

/** No answer within `seconds`. */
export function timedOut(seconds: number): Refusal {
  return {
    status: 504,
    code: 'ModelArts.4503',
    message: `Backend service response timed out after ${seconds} s.`,
    solution: 'Make the prediction faster, raise the timeout of the service, or use a batch service.',
  };
}

/** The JSON body as a log-format string in single quotes; HAProxy fills in the request id. */
export function body(refusal: Refusal): string {
  const text = JSON.stringify({
    error_code: refusal.code,
    error_msg: refusal.message,
    request_id: '@',
    ...(refusal.solution === undefined ? {} : { error_solution: refusal.solution }),
  });
  if (/['%]|@.*@/.test(text)) throw new Error(`text of ${refusal.code} holds an apostrophe or a percent sign`);
  return `'${text.replace('"@"', '"%[unique-id]"')}'`;
}
