import { Button } from 'antd';
import { Gated } from './gated.tsx';

/** What stands where nothing is: what would be there, and how to get it. */
export function Empty(props: {
  title: string;
  help?: string;
  /** `needs`: the action that the user must be allowed. */
  action?: { text: string; run: () => void; needs?: string };
}) {
  const { title, help, action } = props;
  return (
    <div className="empty">
      <h2>{title}</h2>
      {help && <p className="soft">{help}</p>}
      {action &&
        (action.needs ? (
          <Gated action={action.needs} type="primary" onClick={action.run}>
            {action.text}
          </Gated>
        ) : (
          <Button type="primary" onClick={action.run}>
            {action.text}
          </Button>
        ))}
    </div>
  );
}
