import { useQuery } from '@tanstack/react-query';
import { Button, type ButtonProps, Tooltip } from 'antd';
import { showOwnAccess } from '../../resources/console/console.api.ts';
import { queryOf } from '../call.ts';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

/** Why the user may not perform an action in the workspace; undefined while that is not known, and where it is allowed. */
export function useDenial(action: string): string | undefined {
  const { workspace } = useSettings();
  const { data } = useQuery(
    queryOf(showOwnAccess, { body: { actions: [action], workspace_id: workspace } }, [
      'grants',
      'custom-policies',
      'user-groups',
    ]),
  );
  const decision = data?.decisions[0];
  return decision && !decision.allowed ? decision.reason : undefined;
}

/** A button for what needs an action. Who may not sees it disabled, with the reason; it stays reachable, so that the reason can be read. */
export function Gated({ action, onClick, ...rest }: ButtonProps & { action: string }) {
  const t = useTexts();
  const denial = useDenial(action);
  const button = (
    <Button
      {...rest}
      {...(denial === undefined
        ? { onClick }
        : { 'aria-disabled': true, className: 'ant-btn-disabled', onClick: undefined })}
    />
  );
  if (denial === undefined) return button;
  return (
    <Tooltip title={`${t('deniedBecause', { reason: denial })} ${t('askAdministrator', { action })}`}>{button}</Tooltip>
  );
}
