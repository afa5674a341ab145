import { Button } from 'antd';
import { useTexts } from '../texts/index.ts';

/** Takes the row `at` (from 0) out of a form's list. */
export function RemoveRow({ at, remove }: { at: number; remove: (at: number) => void }) {
  const t = useTexts();
  return (
    <Button className="narrow" type="text" aria-label={t('remove', { name: at + 1 })} onClick={() => remove(at)}>
      ×
    </Button>
  );
}
