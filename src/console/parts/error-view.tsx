import { Alert, App, Button } from 'antd';
import { Failure } from '../../kernel/failure.ts';
import { pages } from '../pages.ts';
import { type T, useTexts } from '../texts/index.ts';

const WHY = '/iam/why';
/** The link is there once the page that explains decisions is. */
const explains = pages.some(({ path }) => path === WHY);
const ACTION = /(?:Policy doesn't allow|is not allowed) ([\w-]+:[\w-]+:[\w-]+)/;

/** An error as people are told: what failed and why, what to do, and for the operator which request it was. */
interface Told {
  cause: string;
  remedy?: string;
  code?: string;
  request?: string;
  /** The action that a policy did not allow. */
  denied?: string;
}

/** Turns anything that was thrown into words: the one place where errors are told. */
function tell(t: T, error: unknown): Told {
  if (!(error instanceof Failure)) return { cause: error instanceof Error ? error.message : String(error) };
  if (error.code === 'Console.Unreachable') return { cause: t('unreachable') };
  const request = error.details?.request_id;
  const denied = ACTION.exec(error.message)?.[1];
  return {
    cause: error.message,
    code: error.code,
    ...(error.solution ? { remedy: error.solution } : {}),
    ...(typeof request === 'string' ? { request } : {}),
    ...(denied ? { denied } : {}),
  };
}

/** Shows what failed, where it failed. */
export function ErrorView({ error, title, retry }: { error: unknown; title?: string; retry?: () => void }) {
  const t = useTexts();
  const { cause, remedy, code, request, denied } = tell(t, error);
  return (
    <Alert
      className="failure"
      type="error"
      showIcon
      title={title ?? t('failed')}
      description={
        <>
          <p>{cause}</p>
          {remedy && <p>{remedy}</p>}
          {denied && explains && (
            <p>
              <a href={`${WHY}?action=${encodeURIComponent(denied)}`}>{t('whyDenied')}</a>
            </p>
          )}
          <p className="soft">{[code, request && t('requestId', { id: request })].filter(Boolean).join(' · ')}</p>
        </>
      }
      action={retry && <Button onClick={retry}>{t('retry')}</Button>}
    />
  );
}

/** Tells of what failed and has no place of its own on the page. */
export function useTell(): (error: unknown) => void {
  const t = useTexts();
  const { notification } = App.useApp();
  return error => {
    const { cause, remedy } = tell(t, error);
    notification.error({ title: t('failed'), description: [cause, remedy].filter(Boolean).join(' ') });
  };
}
