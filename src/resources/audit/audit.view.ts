import type { AuditRow } from './audit.store.ts';

/** A record as a trace of Cloud Trace Service, with what it does not know beside: action, verdict, and the user behind an agency. */
export function traceView(row: AuditRow, account: { id: string; name: string }): Record<string, unknown> {
  const [kind, id] = splitOnce(row.target ?? '');
  const [service = '', type = ''] = (row.action ?? '').split(':');
  return {
    trace_id: row.id,
    trace_name: row.operation,
    trace_type: 'ApiCall',
    trace_rating: row.status < 400 ? 'normal' : row.status < 500 ? 'warning' : 'incident',
    service_type: service.toUpperCase() || 'IAM',
    resource_type: kind || type,
    resource_id: id,
    resource_name: id,
    event_type: 'global',
    read_only: row.method === 'GET' || row.method === 'HEAD',
    code: String(row.status),
    api_version: '',
    time: row.time,
    record_time: row.time,
    source_ip: row.source_address,
    request_id: row.request_id,
    project_id: row.project_id ?? '',
    user: {
      id: row.principal_id ?? '',
      name: row.principal_name ?? '',
      type: row.principal_kind ?? '',
      domain: account,
      ...(row.for_user_id === null
        ? {}
        : {
            assumed_by: {
              user: {
                id: row.for_user_id,
                name: row.for_user_name,
                domain: row.for_account_id === null ? account : { id: row.for_account_id, name: row.for_account_name },
              },
            },
          }),
    },
    credential: row.credential ?? '',
    resource_url: row.path,
    request: `${row.method} ${row.path}`,
    message: row.error_code ?? '',
    action: row.action ?? '',
    verdict: row.verdict ?? 'none',
    workspace_id: row.workspace_id ?? '0',
    duration_ms: row.duration_ms,
  };
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf('/');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
