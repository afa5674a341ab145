export { type AnyOperation, type Call, type Handler, Reply, type Route, route } from './api.ts';
export type { Audit, AuditRecord } from './audit.ts';
export { type Authenticate, AuthenticationFailure, type RawRequest } from './authentication.ts';
export type { FindWorkspace, Locate, Located, WorkspaceView } from './authorization.ts';
export { type ApiServerOptions, createApiServer, requestContext } from './server.ts';
