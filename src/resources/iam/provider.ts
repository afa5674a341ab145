import type { MappingRule } from './mapping.ts';

/** How a provider's ID tokens are verified, and where a browser would be sent. The wire's names, as it is kept as JSON. */
export interface OidcConfig {
  access_mode: 'program' | 'program_console';
  idp_url: string;
  client_id: string;
  /** JWKS as JSON text. */
  signing_key: string;
  authorization_endpoint?: string;
  scope?: string;
  response_type?: string;
  response_mode?: string;
}

export interface Provider {
  id: string;
  accountId: string;
  enabled: boolean;
  description: string;
  /** Mapping of the protocol `oidc`; null while there is no protocol. */
  mappingId: string | null;
  oidc: OidcConfig | null;
  createdAt: number;
}

/** How browsers sign in by a provider. */
export interface BrowserProvider {
  authorizationEndpoint: string;
  clientId: string;
  scope: string;
}

export interface Mapping {
  accountId: string;
  id: string;
  rules: readonly MappingRule[];
}

/** A user whom a provider vouches for, as of the last login. */
export interface FederatedUser {
  id: string;
  accountId: string;
  providerId: string;
  name: string;
  /** False when the provider is disabled. */
  enabled: boolean;
  /** Those of the last login that exist still. */
  groups: readonly string[];
  generation: number;
  lastLoginAt: number;
}
