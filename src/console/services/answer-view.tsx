import { useEffect, useMemo, useState } from 'react';
import { useTexts } from '../texts/index.ts';
import type { Answer } from './request.ts';

/** What a service answered: JSON laid out, images as such, everything else as text. */
export function AnswerView({ answer }: { answer: Answer }) {
  const t = useTexts();
  const { status, ms, type, bytes } = answer;
  const [image, setImage] = useState<string>();
  const text = useMemo(() => laidOut(new TextDecoder().decode(bytes)), [bytes]);
  useEffect(() => {
    // As an image alone: even what is a document (SVG) runs nothing there.
    if (!type.startsWith('image/')) return setImage(undefined);
    const url = URL.createObjectURL(new Blob([bytes], { type }));
    setImage(url);
    return () => URL.revokeObjectURL(url);
  }, [bytes, type]);
  return (
    <>
      <p className={`state ${status < 400 ? 'good' : 'bad'}`}>{t('answered', { status, ms })}</p>
      {image ? (
        <img src={image} alt={t('result')} />
      ) : (
        <section className="log short" aria-label={t('result')} tabIndex={0}>
          {text}
        </section>
      )}
    </>
  );
}

function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
