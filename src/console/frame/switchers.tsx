import { App, Button, Dropdown } from 'antd';
import { lazy, Suspense, useState } from 'react';
import { listProjects } from '../../resources/iam/token.api.ts';
import { listWorkspaces } from '../../resources/workspaces/workspace.api.ts';
import { useCall } from '../call.ts';
import { useTell } from '../parts/error-view.tsx';
import { useSession } from '../session.ts';
import { changeSession, signOut } from '../session-calls.ts';
import { changeSettings, useSettings } from '../settings.ts';
import { useTexts } from '../texts/index.ts';

const SwitchRole = lazy(() => import('./switch-role.tsx'));

/** The session's project, which is one of a region, and the others of the account. */
export function ProjectSwitcher() {
  const t = useTexts();
  const tell = useTell();
  const { project, region } = useSession();
  const { data } = useCall(listProjects, {}, { live: ['projects'] });
  const items = (data?.projects ?? []).map(({ id, name }) => ({ key: String(id), label: String(name) }));
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        selectable: true,
        selectedKeys: project ? [project.id] : [],
        items,
        onClick: ({ key }) => void changeSession({ project_id: key }).catch(tell),
      }}
    >
      <Button className="caret" type="text" aria-label={`${t('project')}: ${project?.name ?? region}`}>
        {project?.name ?? region}
      </Button>
    </Dropdown>
  );
}

/** In which workspace lists look and things are created. */
export function WorkspaceSwitcher() {
  const t = useTexts();
  const { workspace } = useSettings();
  const { data } = useCall(listWorkspaces, { query: { filter_accessible: true } });
  const items = (data?.workspaces ?? []).map(({ id, name }) => ({ key: id, label: name }));
  const shown = items.find(item => item.key === workspace)?.label ?? 'default';
  return (
    <Dropdown
      trigger={['click']}
      menu={{
        selectable: true,
        selectedKeys: [workspace],
        items,
        onClick: ({ key }) => changeSettings({ workspace: key }),
      }}
    >
      <Button className="caret" type="text" aria-label={`${t('workspace')}: ${shown}`}>
        {shown}
      </Button>
    </Dropdown>
  );
}

/** Who is signed in, another role, signing out. */
export function UserMenu() {
  const t = useTexts();
  const tell = useTell();
  const { message } = App.useApp();
  const { user, account, switched_by } = useSession();
  const [switching, setSwitching] = useState(false);
  const actions = {
    role: () => setSwitching(true),
    own: () => void changeSession({ role: null }).catch(tell),
    out: () => {
      message.destroy();
      signOut().catch(tell);
    },
  };
  return (
    <>
      <Dropdown
        trigger={['click']}
        menu={{
          items: [
            {
              key: 'who',
              type: 'group',
              label: t('signedInAs', { user: user.name, account: account.name }),
            },
            switched_by
              ? { key: 'own', label: t('leaveRole', { name: switched_by.name }) }
              : { key: 'role', label: t('switchRole') },
            { key: 'out', label: t('signOut') },
          ],
          onClick: ({ key }) => actions[key as keyof typeof actions]?.(),
        }}
      >
        <Button className="caret" type="text" aria-label={t('user', { name: user.name })}>
          {user.name}
        </Button>
      </Dropdown>
      {switching && (
        <Suspense>
          <SwitchRole close={() => setSwitching(false)} />
        </Suspense>
      )}
    </>
  );
}
