import { Button, Input, type InputProps } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { useTexts } from '../texts/index.ts';

const Chooser = lazy(() => import('../obs/path-chooser.tsx').then(file => ({ default: file.PathChooser })));

/**
 * A field for a path in a bucket, which can be typed, or chosen by looking into the buckets. `wants`: what may be chosen. `scheme`: how the
 * path is written, `/bucket/key` or `obs://bucket/key`; folders end with a slash. Made to stand in a form's item.
 */
export function PathPicker(
  props: Omit<InputProps, 'onChange' | 'value'> & {
    wants: 'folder' | 'file';
    scheme?: '/' | 'obs://';
    value?: string;
    onChange?(path: string): void;
  },
) {
  const { wants, scheme = '/', value = '', onChange, ...rest } = props;
  const t = useTexts();
  const [open, setOpen] = useState(false);
  return (
    <>
      <div className="path-picker">
        <Input {...rest} value={value} onChange={event => onChange?.(event.target.value)} />
        <Button onClick={() => setOpen(true)}>{t('browse')}</Button>
      </div>
      {open && (
        <Suspense fallback={<span className="bone" title={t('loading')} />}>
          <Chooser
            wants={wants}
            at={value}
            close={() => setOpen(false)}
            choose={path => {
              onChange?.(scheme + path);
              setOpen(false);
            }}
          />
        </Suspense>
      )}
    </>
  );
}
