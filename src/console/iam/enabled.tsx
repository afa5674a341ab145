import { useTexts } from '../texts/index.ts';

/** Whether something may be used, with its tone. */
export function Enabled({ value }: { value: boolean }) {
  const t = useTexts();
  return <span className={`state ${value ? 'good' : 'bad'}`}>{t(value ? 'enabled' : 'disabled')}</span>;
}
