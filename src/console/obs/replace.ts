import { App } from 'antd';
import { useTexts } from '../texts/index.ts';
import { nameOf } from './listing.ts';

/** Asks whether what is there under these keys may be replaced; true where nothing is. */
export function useSureToReplace(): (there: readonly string[]) => Promise<boolean> {
  const t = useTexts();
  const { modal } = App.useApp();
  return async there =>
    there.length === 0 ||
    (await modal.confirm({
      title: t('replaceTitle', { count: there.length }),
      content: t('replaceHelp', { name: nameOf(there[0]!) }),
      okText: t('replace'),
      cancelText: t('cancel'),
    }));
}
