import { useNavigate, useSearch } from '@tanstack/react-router';
import { AutoComplete, Button, Form, Input, Select } from 'antd';
import { conditionKeys } from '../../policy/condition-keys.ts';
import { Explanation } from '../iam/explanation.tsx';
import { optionsOf, useAgencies, useEnterpriseProjects, useUsers } from '../iam/names.ts';
import { allActions } from '../iam/policy-document.ts';
import { Page } from '../parts/page.tsx';
import { untilRead } from '../parts/until-read.tsx';
import { useSession } from '../session.ts';
import { useTexts } from '../texts/index.ts';

interface Search {
  user?: string;
  agency?: string;
  action?: string;
  resource?: string;
  context?: Record<string, string>;
  enterpriseProject?: string;
}
interface Values {
  who: string;
  action: string;
  resource?: string;
  enterpriseProject?: string;
  conditions?: { key: string; value: string }[];
}

const ACTION = /^[a-z][\w-]*:[\w-]+:[\w-]+$/;
/** Keys that a request itself brings; who asks and when the server knows. */
const KEYS = conditionKeys.filter(
  key => !/^g:(UserId|UserName|DomainName|ProjectName|EnterpriseProjectId|CurrentTime)$/.test(key),
);

/** Asks whether somebody may do something, without doing it. The question stands in the address. */
export default function Simulator() {
  const t = useTexts();
  const navigate = useNavigate();
  const { user: me } = useSession();
  const search: Search = useSearch({ strict: false });
  const users = useUsers();
  const agencies = useAgencies();
  const enterpriseProjects = useEnterpriseProjects();
  const required = { required: true, message: t('required') };
  const who = search.agency ? `agency ${search.agency}` : `user ${search.user ?? me.id}`;
  const ask = ({ who, action, resource, enterpriseProject, conditions = [] }: Values) => {
    const [kind, id] = who.split(' ') as ['user' | 'agency', string];
    const context = Object.fromEntries(conditions.filter(each => each?.key).map(({ key, value = '' }) => [key, value]));
    const next: Search = {
      [kind]: id,
      action,
      ...(resource ? { resource } : {}),
      ...(enterpriseProject ? { enterpriseProject } : {}),
      ...(conditions.length > 0 ? { context } : {}),
    };
    void navigate({ to: '.', search: next as object });
  };
  const others = users.data?.filter(({ id }) => id !== me.id) ?? [];
  return (
    <Page title={t('simulator')} help={t('simulatorHelp')}>
      <Form<Values>
        className="card"
        layout="vertical"
        initialValues={{
          who,
          action: search.action ?? '',
          resource: search.resource,
          enterpriseProject: search.enterpriseProject,
          conditions: Object.entries(search.context ?? {}).map(([key, value]) => ({ key, value })),
        }}
        onFinish={ask}
      >
        <div className="row">
          <Form.Item name="who" label={t('who')} rules={[required]}>
            <Select
              showSearch={{ optionFilterProp: 'label' }}
              {...untilRead(users, agencies)}
              options={[
                {
                  label: t('users'),
                  options: optionsOf([me, ...others]).map(each => ({ ...each, value: `user ${each.value}` })),
                },
                {
                  label: t('agencies'),
                  options: optionsOf(agencies.data).map(each => ({ ...each, value: `agency ${each.value}` })),
                },
              ]}
            />
          </Form.Item>
          <Form.Item
            name="action"
            label={t('action')}
            rules={[required, { pattern: ACTION, message: t('actionRule') }]}
          >
            <AutoComplete
              showSearch={{
                filterOption: (typed, option) => String(option?.value).toLowerCase().includes(typed.toLowerCase()),
              }}
              options={allActions.map(value => ({ value }))}
              placeholder="modelarts:trainJob:create"
            />
          </Form.Item>
        </div>
        <div className="row">
          <Form.Item name="resource" label={t('resource')} extra={t('resourceHelp')}>
            <Input placeholder={t('allOfTheType')} />
          </Form.Item>
          <Form.Item name="enterpriseProject" label={t('enterpriseProject')} extra={t('simulatorProjectHelp')}>
            <Select
              allowClear
              placeholder="default"
              {...untilRead(enterpriseProjects)}
              options={optionsOf(enterpriseProjects.data)}
            />
          </Form.Item>
        </div>
        <Form.List name="conditions">
          {(fields, { add, remove }) => (
            <>
              {fields.map(field => (
                <div key={field.key} className="row">
                  <Form.Item name={[field.name, 'key']} label={t('conditionKey')}>
                    <AutoComplete options={KEYS.map(value => ({ value }))} />
                  </Form.Item>
                  <Form.Item name={[field.name, 'value']} label={t('value')}>
                    <AutoComplete options={['public', 'dedicated'].map(value => ({ value }))} />
                  </Form.Item>
                  <Form.Item className="narrow" label=" ">
                    <Button aria-label={t('remove', { name: t('conditions') })} onClick={() => remove(field.name)}>
                      ✕
                    </Button>
                  </Form.Item>
                </div>
              ))}
              <div className="filters">
                <Button type="primary" htmlType="submit">
                  {t('ask')}
                </Button>
                <Button onClick={() => add({ key: 'modelarts:poolType', value: 'public' })}>{t('addCondition')}</Button>
              </div>
            </>
          )}
        </Form.List>
      </Form>
      <div aria-live="polite">
        {search.action && (
          <Explanation
            question={{
              who: {
                kind: search.agency ? 'agency' : (search.user ?? me.id) === me.id ? 'self' : 'user',
                id: search.agency ?? search.user ?? me.id,
              },
              action: search.action,
              resource: search.resource,
              context: search.context,
              enterpriseProject: search.enterpriseProject ?? '0',
            }}
          />
        )}
      </div>
    </Page>
  );
}
