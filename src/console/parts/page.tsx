import { type ReactNode, useEffect } from 'react';

/** A page: its heading, what can be done with it, and its content. */
export function Page(props: { title: string; help?: string; actions?: ReactNode; children: ReactNode }) {
  const { title, help, actions, children } = props;
  useEffect(() => {
    document.title = `${title} · Atelier`;
  }, [title]);
  return (
    <div className="page">
      <header>
        <h1>{title}</h1>
        <span className="spring" />
        {actions}
        {help && <p className="soft">{help}</p>}
      </header>
      {children}
    </div>
  );
}
