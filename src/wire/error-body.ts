import { STATUS_CODES } from 'node:http';
import type { ErrorStyle } from './operation.ts';

/** What an error answer says, before it is worded in a family's style. */
export interface WireError {
  status: number;
  code: string;
  message: string;
  solution?: string | undefined;
  requestId: string;
  details?: Record<string, unknown> | undefined;
}

/**
 * The body of an error answer. Besides each service's documented members, `error_code` and `error_msg` are always sent, because
 * that is what the official clients read (reference api/README 3.4).
 */
export function errorBody(style: ErrorStyle, error: WireError): Record<string, unknown> {
  const common = {
    error_code: error.code,
    error_msg: error.message,
    ...(error.solution ? { error_solution: error.solution } : {}),
    ...(error.details ? { error_details: error.details } : {}),
    request_id: error.requestId,
  };
  if (style === 'keystone') {
    return {
      error: { code: error.status, message: error.message, title: STATUS_CODES[error.status] ?? 'Error' },
      ...common,
    };
  }
  if (style === 'eps') return { error: { error_code: error.code, error_msg: error.message }, ...common };
  return common;
}
