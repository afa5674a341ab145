import { operation } from '../../wire/operation.ts';
import { nullable, open, Type } from '../../wire/schema.ts';

const base = { family: 'console', errors: 'modelarts' } as const;
const named = open({ id: Type.String(), name: Type.String() });
const OWN = { authenticated: 'it is about the caller’s own session' } as const;

/** A session as its user sees it; never with its id or token. */
const session = open({
  /** The user, or the agency whose role was switched to. */
  user: named,
  account: named,
  project: Type.Optional(named),
  region: Type.String(),
  is_root: Type.Boolean(),
  must_change_password: Type.Boolean(),
  /** The own user behind a switched role. */
  switched_by: Type.Optional(open({ name: Type.String(), account_name: Type.String() })),
  /** Milliseconds since the epoch. */
  expires_at: Type.Integer(),
  /** Stands for what had changed when this was read: as `Last-Event-ID` it has everything told that changes afterwards. */
  change_id: Type.String(),
  /** Where programs reach the platform, to show to people. */
  endpoints: open({ api: Type.String(), obs: Type.String(), inference: Type.String() }),
});

/** Operations of this platform's own: how the real console does these things is not published (docs/decisions/0015). */
export const createConsoleSession = operation({
  ...base,
  id: 'CreateConsoleSession',
  summary: 'Sign in to the console: a password for a cookie',
  method: 'POST',
  path: '/console/session',
  action: { public: 'it is how a person proves who it is; the token operation verifies the password' },
  // The token operation, through which it goes, is what the audit trail keeps.
  readOnly: true,
  body: open({
    account: Type.String({ minLength: 1, maxLength: 64 }),
    user: Type.String({ minLength: 1, maxLength: 64 }),
    password: Type.String({ minLength: 1, maxLength: 256 }),
  }),
  status: 201,
  response: session,
});

export const showConsoleSession = operation({
  ...base,
  id: 'ShowConsoleSession',
  summary: 'Show the session of the console that the cookie stands for',
  method: 'GET',
  path: '/console/session',
  action: OWN,
  beforePasswordChange: true,
  status: 200,
  response: session,
});

export const changeConsoleSession = operation({
  ...base,
  id: 'ChangeConsoleSession',
  summary: 'Go to another project, take on a role of an agency, or leave it (null)',
  method: 'PUT',
  path: '/console/session',
  action: OWN,
  readOnly: true,
  body: open({
    project_id: Type.Optional(Type.String({ maxLength: 64 })),
    role: Type.Optional(
      nullable(
        open({
          account_name: Type.String({ minLength: 1, maxLength: 64 }),
          agency_name: Type.String({ minLength: 1, maxLength: 64 }),
        }),
      ),
    ),
  }),
  status: 200,
  response: session,
});

export const endConsoleSession = operation({
  ...base,
  id: 'EndConsoleSession',
  summary: 'Sign out of the console',
  method: 'DELETE',
  path: '/console/session',
  action: OWN,
  beforePasswordChange: true,
  status: 204,
});

export const showOwnAccess = operation({
  ...base,
  id: 'ShowOwnAccess',
  summary: 'Ask which of some actions the caller may perform, with what condition keys, and why not',
  method: 'POST',
  path: '/console/access',
  action: { authenticated: 'it tells the caller no more than trying each action would' },
  readOnly: true,
  body: open({
    actions: Type.Array(Type.String({ pattern: '^[a-z][\\w-]*:[\\w-]+:[\\w-]+$', maxLength: 256 }), {
      minItems: 1,
      maxItems: 100,
    }),
    workspace_id: Type.Optional(Type.String({ maxLength: 64 })),
    /** Condition keys that the request would have, `modelarts:poolType`. Who asks, whence and when (`g:…`) is not for the asker to say. */
    service_attributes: Type.Optional(
      Type.Record(Type.String({ pattern: '^(?![gG]:)[\\w-]{1,64}:[\\w-]{1,64}$' }), Type.String({ maxLength: 1024 }), {
        additionalProperties: false,
        maxProperties: 10,
      }),
    ),
  }),
  status: 200,
  response: open({
    decisions: Type.Array(open({ action: Type.String(), allowed: Type.Boolean(), reason: Type.String() })),
  }),
});

export const followChanges = operation({
  ...base,
  id: 'FollowChanges',
  summary:
    'Server-sent events: the kinds of things of which something changed in the project or account, since Last-Event-ID',
  method: 'GET',
  path: '/console/changes',
  action: { authenticated: 'it names kinds of things of the own project and account, and nothing of the things' },
  status: 200,
});

/** Largest request and answer of a prediction, in bytes (behaviour/inference.md 5: 8 MB on the Prediction tab). */
export const PREDICTION_BYTES = 8 * 1024 * 1024;
/** The same in base64. */
const PREDICTION_TEXT = Math.ceil(PREDICTION_BYTES / 3) * 4;

export const predict = operation({
  ...base,
  id: 'PredictByConsole',
  summary: 'Call a real-time service through the inference gateway, with the token that the session stands for',
  method: 'POST',
  path: '/console/predictions',
  action: { authenticated: 'the inference gateway decides: it is shown the caller’s own token' },
  // As calls of the gateway itself are not: they change nothing of the platform.
  readOnly: true,
  bodyLimit: PREDICTION_TEXT + 64 * 1024,
  body: open({
    service_id: Type.String({ pattern: '^[\\w-]{1,64}$' }),
    /** With the query, as the model declares it. */
    path: Type.String({ pattern: '^/[\\x21-\\x7e]*$', maxLength: 4096 }),
    method: Type.String({ pattern: '^(GET|POST|PUT|PATCH|DELETE)$' }),
    content_type: Type.Optional(Type.String({ pattern: '^[\\x20-\\x7e]+$', maxLength: 256 })),
    /** Base64. */
    content: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$', maxLength: PREDICTION_TEXT })),
  }),
  status: 200,
  response: open({
    /** What the service or the gateway answered. */
    status: Type.Integer(),
    content_type: Type.String(),
    /** Base64. */
    content: Type.String(),
    duration_ms: Type.Integer(),
  }),
});

export const listSignInProviders = operation({
  ...base,
  id: 'ListSignInProviders',
  summary: 'List the identity providers by which people of an account sign in to the console',
  method: 'GET',
  path: '/console/identity-providers',
  action: { public: 'the sign-in page has a button for each; it tells no more than their ids and descriptions' },
  query: open({ account: Type.String({ minLength: 1, maxLength: 64 }) }),
  status: 200,
  response: open({ providers: Type.Array(open({ id: Type.String(), description: Type.String() })) }),
});

export const beginFederatedSignIn = operation({
  ...base,
  id: 'BeginFederatedSignIn',
  summary: 'Begin a sign-in at an identity provider: the address to go to, and a cookie that says which browser began',
  method: 'POST',
  path: '/console/federation',
  action: { public: 'it is how a person begins to prove who it is; the identity provider asks for that' },
  readOnly: true,
  body: open({ provider_id: Type.String({ minLength: 1, maxLength: 64 }) }),
  status: 201,
  response: open({ url: Type.String() }),
});

export const answerFederatedSignIn = operation({
  ...base,
  id: 'AnswerFederatedSignIn',
  summary:
    'Take the ID token that an identity provider’s page posts (response_mode form_post), and lead back to the console',
  method: 'POST',
  path: '/console/federation/answer',
  action: { public: 'it is how a person proves who it is; the token operation verifies the ID token' },
  // The token operation, through which it goes, is what the audit trail keeps.
  readOnly: true,
  form: true,
  body: open({
    state: Type.String({ maxLength: 64 }),
    id_token: Type.Optional(Type.String({ maxLength: 16 * 1024 })),
    error: Type.Optional(Type.String({ maxLength: 1024 })),
  }),
  status: 303,
});

export const finishFederatedSignIn = operation({
  ...base,
  id: 'FinishFederatedSignIn',
  summary: 'Sign in to the console by what the identity provider answered to the sign-in that this browser began',
  method: 'PUT',
  path: '/console/federation',
  action: { public: 'the cookie of the browser that began is what it takes' },
  readOnly: true,
  status: 201,
  response: session,
});

/** An object, or a version of it. */
const objectPlace = {
  bucket: Type.String({ minLength: 1, maxLength: 63 }),
  key: Type.String({ minLength: 1, maxLength: 1024 }),
};
const BY_OBJECT = { authenticated: 'the object store decides whether the caller may read the object' } as const;

export const openDownload = operation({
  ...base,
  id: 'OpenConsoleDownload',
  summary: 'Obtain an address at which the browser of this session may save an object as a file, for some minutes',
  method: 'POST',
  path: '/console/downloads',
  action: BY_OBJECT,
  readOnly: true,
  body: open({ ...objectPlace, version_id: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })) }),
  status: 201,
  response: open({ path: Type.String() }),
});

/** Longest life of a link, in minutes (OBS "Sharing an Object": 18 hours). */
export const LINK_MINUTES = 18 * 60;

export const shareObject = operation({
  ...base,
  id: 'ShareObject',
  summary: 'Sign an address at which anybody may read an object for a while, with the rights of the caller',
  method: 'POST',
  path: '/console/links',
  action: BY_OBJECT,
  body: open({ ...objectPlace, minutes: Type.Integer({ minimum: 1, maximum: LINK_MINUTES }) }),
  status: 201,
  response: open({
    url: Type.String(),
    /** Milliseconds since the epoch. */
    expires_at: Type.Integer(),
  }),
});

export const consoleOperations = [
  listSignInProviders,
  beginFederatedSignIn,
  answerFederatedSignIn,
  finishFederatedSignIn,
  createConsoleSession,
  showConsoleSession,
  changeConsoleSession,
  endConsoleSession,
  showOwnAccess,
  followChanges,
  predict,
  openDownload,
  shareObject,
];
