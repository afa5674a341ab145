import { useQuery } from '@tanstack/react-query';
import { Button, type ButtonProps, Tooltip } from 'antd';
import type { ReactElement } from 'react';
import { showOwnAccess } from '../../resources/console/console.api.ts';
import { queryOf } from '../call.ts';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';
import { useWhy } from './why.ts';

/** Condition keys of a request, as far as it is known before it is made. */
export type Attributes = Readonly<Record<string, string>>;

/** What starts in a pool of this type. */
export const inPool = (type: 'public' | 'dedicated'): Attributes => ({ 'modelarts:poolType': type });

/** What is done in a pool, which policies may make a condition of (behaviour/permissions.md 2). */
const POOLED = ['modelarts:trainJob:create', 'modelarts:notebook:create', 'modelarts:service:create'];

/** Kinds that say what somebody may do. */
export const DECIDING = ['grants', 'custom-policies', 'user-groups', 'workspaces', 'accounts'];

/** What the server says of an action of the user's; undefined while that is not known. */
function useDecision(action: string, attributes?: Attributes) {
  const { workspace } = useSettings();
  const body = {
    actions: [action],
    workspace_id: workspace,
    ...(attributes ? { service_attributes: { ...attributes } } : {}),
  };
  const { data } = useQuery(queryOf(showOwnAccess, { body }, DECIDING));
  return data?.decisions[0];
}

/** Whether the user may perform an action; false while that is not known. For what is read only where it may be. */
export function useMay(action: string): boolean {
  return useDecision(action)?.allowed === true;
}

/**
 * Why the user may not perform an action in the workspace; undefined while that is not known, and where it is allowed. What is done in a pool
 * is allowed where it is allowed in pools of one type, unless `attributes` say which.
 */
export function useDenial(action: string, attributes?: Attributes): string | undefined {
  const pooled = attributes === undefined && POOLED.includes(action);
  const decision = useDecision(action, pooled ? inPool('public') : attributes);
  const other = useDecision(action, pooled ? inPool('dedicated') : attributes);
  return decision && other && !decision.allowed && !other.allowed ? decision.reason : undefined;
}

/** A button for what needs an action. Who may not sees it disabled, with the reason; it stays reachable, so that the reason can be read. */
export function Gated({ action, onClick, ...rest }: ButtonProps & { action: string }) {
  const denial = useDenial(action);
  return (
    <Refused action={action} denial={denial}>
      <Button
        {...rest}
        {...(denial === undefined
          ? { onClick }
          : { 'aria-disabled': true, className: 'ant-btn-disabled', onClick: undefined })}
      />
    </Refused>
  );
}

/** What the user may not use, with the reason where it is pointed at or focused; as it is where there is no `denial`, or none yet. */
export function Refused(props: { action: string; denial: string | undefined; children: ReactElement }) {
  const { action, denial, children } = props;
  const t = useTexts();
  const why = useWhy();
  return (
    <Tooltip
      title={
        denial !== undefined && (
          <>
            {t('deniedBecause', { reason: denial })} {t('askAdministrator', { action })}{' '}
            <a href={why({ action })}>{t('whyDenied')}</a>
          </>
        )
      }
    >
      {children}
    </Tooltip>
  );
}
