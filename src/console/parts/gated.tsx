import { useQuery } from '@tanstack/react-query';
import { Button, type ButtonProps, Tooltip } from 'antd';
import { showOwnAccess } from '../../resources/console/console.api.ts';
import { queryOf } from '../call.ts';
import { useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';
import { useWhy } from './why.ts';

/** What the server says of an action of the user's; undefined while that is not known. */
function useDecision(action: string) {
  const { workspace } = useSettings();
  const { data } = useQuery(
    queryOf(showOwnAccess, { body: { actions: [action], workspace_id: workspace } }, [
      'grants',
      'custom-policies',
      'user-groups',
    ]),
  );
  return data?.decisions[0];
}

/** Whether the user may perform an action; false while that is not known. For what is read only where it may be. */
export function useMay(action: string): boolean {
  return useDecision(action)?.allowed === true;
}

/** Why the user may not perform an action in the workspace; undefined while that is not known, and where it is allowed. */
export function useDenial(action: string): string | undefined {
  const decision = useDecision(action);
  return decision && !decision.allowed ? decision.reason : undefined;
}

/** A button for what needs an action. Who may not sees it disabled, with the reason; it stays reachable, so that the reason can be read. */
export function Gated({ action, onClick, ...rest }: ButtonProps & { action: string }) {
  const t = useTexts();
  const denial = useDenial(action);
  const why = useWhy();
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
    <Tooltip
      title={
        <>
          {t('deniedBecause', { reason: denial })} {t('askAdministrator', { action })}{' '}
          <a href={why({ action })}>{t('whyDenied')}</a>
        </>
      }
    >
      {button}
    </Tooltip>
  );
}
