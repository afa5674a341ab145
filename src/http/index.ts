export { type AnyOperation, type Call, type Handler, Reply, type Route, route } from './api.ts';
export { type Attributed, type Audit, type AuditNote, type AuditRecord, attributedTo } from './audit.ts';
export { type Authenticate, AuthenticationFailure, type RawRequest } from './authentication.ts';
export {
  checkPasswordChanged,
  type FindWorkspace,
  type Locate,
  type Located,
  type Locators,
  type WorkspaceView,
} from './authorization.ts';
export { isOwnOrigin } from './origin.ts';
export { refusalRoutes } from './refusals.ts';
export { type ApiServerOptions, createApiServer } from './server.ts';
export { createSite, type Site } from './site.ts';
export { createTerminals, type TerminalProgram, type Terminals } from './terminals.ts';
