import { Alert, App, Button } from 'antd';
import { Failure } from '../../kernel/failure.ts';
import { isUnreachable } from '../call.ts';
import { type T, useTexts } from '../texts/index.ts';
import { type Denial, denialOf, useWhy } from './why.ts';

/** An error as people are told: what failed and why, what to do, and for the operator which request it was. */
interface Told {
  cause: string;
  remedy?: string;
  code?: string;
  request?: string;
  /** What a policy did not allow. */
  denied?: Denial;
}

/** Turns anything that was thrown into words: the one place where errors are told. */
function tell(t: T, error: unknown): Told {
  if (!(error instanceof Failure)) return { cause: error instanceof Error ? error.message : String(error) };
  if (isUnreachable(error)) return { cause: t('unreachable') };
  const request = error.details?.request_id;
  const denied = denialOf(error.message);
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
  const why = useWhy();
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
          {denied && (
            <p>
              <a href={why(denied)}>{t('whyDenied')}</a>
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
  const why = useWhy();
  const { notification } = App.useApp();
  return error => {
    const { cause, remedy, code, denied } = tell(t, error);
    notification.error({
      title: t('failed'),
      description: (
        <>
          {[cause, remedy].filter(Boolean).join(' ')} {denied && <a href={why(denied)}>{t('whyDenied')}</a>}{' '}
          {code && <span className="soft">{code}</span>}
        </>
      ),
    });
  };
}
