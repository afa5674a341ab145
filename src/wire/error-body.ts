import { STATUS_CODES } from 'node:http';
import type { ErrorStyle } from './operation.ts';

/**
 * Codes of what any operation may answer, by style (behaviour/errors.md 3; EPS' are of its own API reference's list; for KPS and ECS no
 * source lists any, so theirs follow the status).
 */
export const COMMON_CODES: Record<ErrorStyle, { denied: string; invalid: string; tooLarge: string; internal: string }> =
  {
    modelarts: {
      denied: 'ModelArts.0112',
      invalid: 'ModelArts.0104',
      tooLarge: 'ModelArts.4104',
      internal: 'ModelArts.0010',
    },
    keystone: { denied: 'IAM.0003', invalid: 'IAM.0011', tooLarge: 'IAM.0011', internal: 'IAM.0006' },
    iam: { denied: 'IAM.0003', invalid: 'IAM.0011', tooLarge: 'IAM.0011', internal: 'IAM.0006' },
    eps: { denied: 'EPS.0004', invalid: 'EPS.0002', tooLarge: 'EPS.0002', internal: 'EPS.0001' },
    kps: { denied: 'KPS.0403', invalid: 'KPS.0400', tooLarge: 'KPS.0413', internal: 'KPS.0500' },
    nova: { denied: 'KPS.0403', invalid: 'KPS.0400', tooLarge: 'KPS.0413', internal: 'KPS.0500' },
  };

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
  if (style === 'nova') {
    return { [NOVA_FAULTS[error.status] ?? 'computeFault']: { code: error.status, message: error.message }, ...common };
  }
  if (style === 'eps') return { error: { error_code: error.code, error_msg: error.message }, ...common };
  return common;
}

/** What Nova calls its faults, by status. */
const NOVA_FAULTS: Record<number, string> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'itemNotFound',
  409: 'conflictingRequest',
  413: 'overLimit',
};
