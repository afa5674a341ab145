import type { ReactNode } from 'react';
import { useTexts } from '../texts/index.ts';
import { actionsFitting, type Draft } from './policy-document.ts';

/** More of them are counted, not named. */
const NAMED = 12;

/** What a policy does, in words: a paragraph for each statement. */
export function PolicyWords({ drafts }: { drafts: readonly Draft[] }) {
  const t = useTexts();
  return (
    <ol className="policy-words" aria-label={t('inWords')}>
      {drafts.map((draft, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: statements are known by their place
        <li key={at}>
          <StatementWords draft={draft} />
        </li>
      ))}
    </ol>
  );
}

function StatementWords({ draft: { effect, actions, resources, conditions } }: { draft: Draft }) {
  const t = useTexts();
  const shown = actions.slice(0, NAMED);
  return (
    <>
      <strong className={effect === 'Deny' ? 'state bad' : 'state good'}>
        {t(effect === 'Deny' ? 'denies' : 'allows')}
      </strong>
      <ul>
        {shown.map(action => (
          <li key={action}>
            <ActionWords action={action} />
          </li>
        ))}
        {actions.length > NAMED && <li>{t('moreActions', { count: actions.length - NAMED })}</li>}
      </ul>
      <p>
        {resources.length === 0 || resources.includes('*') ? (
          t('onAllResources')
        ) : (
          <>
            {t('onResources')} <Codes of={resources} />
          </>
        )}
      </p>
      {conditions.map(({ operator, key, values }) => (
        <p key={`${operator} ${key}`}>
          {t('onlyIf')} <code>{key}</code> {operatorWords(operator)} <Codes of={values} />
        </p>
      ))}
    </>
  );
}

/** An action, or what a pattern of actions stands for. */
function ActionWords({ action }: { action: string }): ReactNode {
  const t = useTexts();
  const [service = '', type = '', name = ''] = action.split(':');
  if (!action.includes('*')) return <code>{action}</code>;
  const count = actionsFitting(action).length;
  const words =
    type === '*' && name === '*'
      ? service === '*'
        ? t('everything')
        : t('everythingOf', { service })
      : name === '*'
        ? t('everyActionOn', { type, service })
        : undefined;
  return (
    <>
      {words} <code>{action}</code> <span className="soft">{t('knownActions', { count })}</span>
    </>
  );
}

function Codes({ of }: { of: readonly string[] }) {
  return (
    <>
      {of.map((text, at) => (
        <span key={text}>
          {at > 0 && ', '}
          <code>{text}</code>
        </span>
      ))}
    </>
  );
}

/** `StringNotEqualsIgnoreCase` as words: the names are the language's own, so they are not translated. */
function operatorWords(operator: string): string {
  return operator
    .replace(/^(String|Number|Date|Bool$)/, (_, kind: string) => (kind === 'Bool' ? 'is' : ''))
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/^Equals/, 'equals')
    .toLowerCase();
}
