import { Modal, type ModalProps } from 'antd';
import { useEffect, useRef, useState } from 'react';

const FIELDS = 'input:not([type=hidden], :disabled), textarea:not(:disabled)';

/**
 * A dialog, which is there as long as it is open. It begins at its first field, and the focus goes back to where it came from. While it is `busy`
 * it stays: what comes of what was asked for is told in it.
 */
export function Dialog({
  children,
  busy = false,
  onCancel,
  ...rest
}: Omit<ModalProps, 'open' | 'afterOpenChange'> & { busy?: boolean }) {
  const body = useRef<HTMLDivElement>(null);
  useFocusBack();
  // The dialog itself has put the focus on its button for closing.
  const begin = (open: boolean) => {
    if (open && !body.current?.contains(document.activeElement)) {
      body.current?.querySelector<HTMLElement>(FIELDS)?.focus();
    }
  };
  return (
    <Modal
      open
      afterOpenChange={begin}
      cancelButtonProps={{ disabled: busy }}
      onCancel={event => busy || onCancel?.(event)}
      {...rest}
    >
      <div ref={body}>{children}</div>
    </Modal>
  );
}

/** Gives the focus back, when the component is gone, to what had it when it came. */
export function useFocusBack(): void {
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      // What is being taken away has the focus until the end of this turn.
      setTimeout(() => {
        const lost = document.activeElement === document.body;
        if (lost && before instanceof HTMLElement) before.focus();
      });
    },
    [before],
  );
}
