import { Option } from 'commander';
import type { Session } from '../../../client/session.ts';
import { Failure } from '../../../kernel/failure.ts';
import * as api from '../../../resources/iam/provider.api.ts';
import { readText } from '../../ask.ts';
import { calling, type Leaf, type Options } from '../../leaves.ts';
import type { Shown } from '../../names.ts';
import { badArgument } from '../../options.ts';
import { printOne } from '../../output.ts';

/** The one protocol there is. */
const PROTOCOL = 'oidc';

const theProvider = [['<provider>', 'its id']] as const;
const theMapping = [['<mapping>', 'its id']] as const;
const rulesFile = ['<file>', 'a JSON list of rules; - reads standard input'] as const;
const idp = (id: string | undefined) => ({ params: { idp_id: id! } });
const protocol = (id: string | undefined) => ({ params: { idp_id: id!, protocol_id: PROTOCOL } });

function jsonOf(file: string): unknown {
  try {
    return JSON.parse(readText(file)) as unknown;
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw badArgument(`${file} is not JSON: ${(error as Error).message}`);
  }
}

function rulesOf(file: string): Record<string, unknown>[] {
  const json = jsonOf(file);
  const rules = Array.isArray(json) ? json : (json as { rules?: unknown } | null)?.rules;
  if (Array.isArray(rules)) return rules as Record<string, unknown>[];
  throw badArgument(`${file} holds no rules.`, 'It is a list: [{"remote": [{"type": "sub"}], "local": […]}]');
}

/** The keys by which a provider signs, of the set it publishes; those for encryption are no use here. */
function signingKey(file: string): string {
  const { keys } = (jsonOf(file) ?? {}) as { keys?: { use?: string }[] };
  if (!Array.isArray(keys))
    throw badArgument(`${file} is no set of keys.`, 'It is what the provider’s jwks_uri answers.');
  return JSON.stringify({ keys: keys.filter(({ use = 'sig' }) => use === 'sig') });
}

/** What `answer` tells, or undefined where there is nothing yet. */
async function existing<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch(error => {
    if (error instanceof Failure && error.status === 404) return undefined;
    throw error;
  });
}

async function setConfig(session: Session, id: string, options: Options): Promise<Record<string, unknown>> {
  const { idpUrl, clientId, keys, authorizationEndpoint, scope, accessMode } = options;
  const given = {
    ...(idpUrl ? { idp_url: idpUrl } : {}),
    ...(clientId ? { client_id: clientId } : {}),
    ...(keys ? { signing_key: signingKey(keys) } : {}),
    ...(authorizationEndpoint ? { authorization_endpoint: authorizationEndpoint } : {}),
    ...(scope ? { scope } : {}),
    ...(accessMode ? { access_mode: accessMode } : {}),
  };
  const current = await existing(session.call(api.showOidcConfig, idp(id)));
  if (current && Object.keys(given).length === 0) return current.openid_connect_config;
  if (current) {
    const input = { ...idp(id), body: { openid_connect_config: given } };
    return (await session.call(api.updateOidcConfig, input)).openid_connect_config;
  }
  if (!(idpUrl && clientId && keys)) {
    throw badArgument(`The provider ${id} has no configuration yet.`, 'Give --idp-url, --client-id and --keys.');
  }
  const made = {
    access_mode: 'program',
    idp_url: idpUrl,
    client_id: clientId,
    signing_key: signingKey(keys),
    ...given,
  };
  const input = { ...idp(id), body: { openid_connect_config: made } };
  return (await session.call(api.createOidcConfig, input)).openid_connect_config;
}

const mappingColumns = {
  Id: (mapping: Shown) => mapping.id,
  Rules: (mapping: Shown) => mapping.rules,
};

/** `atelier iam provider …`, `mapping …` */
export const providerLeaves: readonly Leaf[] = [
  calling(api.listProviders, {
    words: 'provider list',
    example: 'iam provider list',
    rows: answer => answer.identity_providers,
    columns: { Id: row => row.id, Enabled: row => row.enabled, Description: row => row.description },
  }),
  calling(api.showProvider, {
    words: 'provider show',
    args: theProvider,
    example: 'iam provider show corp',
    input: (_names, [id]) => idp(id),
    one: answer => answer.identity_provider,
  }),
  calling(api.createProvider, {
    words: 'provider create',
    args: [['<provider>', 'id, unique on the whole installation']],
    options: [['--description <text>', 'who comes from there']],
    example: 'iam provider create corp --description "our people"',
    input: (_names, [id], { description }) => ({
      ...idp(id),
      body: { identity_provider: { sso_type: 'virtual_user_sso', ...(description ? { description } : {}) } },
    }),
    one: answer => answer.identity_provider,
  }),
  calling(api.updateProvider, {
    words: 'provider update',
    args: theProvider,
    options: [
      ['--enable', 'let its users in'],
      ['--disable', 'end every credential of its users at once'],
      ['--description <text>', 'who comes from there'],
    ],
    example: 'iam provider update corp --disable',
    input(_names, [id], { enable, disable, description }) {
      if (enable && disable) throw badArgument('A provider is either enabled or disabled.');
      const identity_provider = {
        ...(enable || disable ? { enabled: enable === true } : {}),
        ...(description === undefined ? {} : { description }),
      };
      return { ...idp(id), body: { identity_provider } };
    },
    one: answer => answer.identity_provider,
  }),
  calling(api.deleteProvider, {
    words: 'provider delete',
    args: theProvider,
    example: 'iam provider delete corp',
    destroys: true,
    input: (_names, [id]) => idp(id),
    done: ([id]) => `Identity provider ${id} is deleted with its users.`,
  }),
  {
    words: 'provider mapping',
    about: 'show or set by which mapping the users of a provider become users here',
    args: [...theProvider, ['[mapping]', 'its id; shown when absent']],
    example: 'iam provider mapping corp corp-rules',
    operations: [api.showProtocol, api.createProtocol, api.updateProtocol],
    async run({ session, format }, [id, mapping_id]) {
      const current =
        mapping_id === undefined ? undefined : await existing(session.call(api.showProtocol, protocol(id)));
      const answer =
        mapping_id === undefined
          ? await session.call(api.showProtocol, protocol(id))
          : await session.call(current ? api.updateProtocol : (api.createProtocol as typeof api.updateProtocol), {
              ...protocol(id),
              body: { protocol: { mapping_id } },
            });
      printOne(format, { provider: id, protocol: answer.protocol.id, mapping: answer.protocol.mapping_id });
    },
  },
  {
    words: 'provider config',
    about: 'show or set how the ID tokens of a provider are verified (OpenID Connect)',
    args: theProvider,
    options: [
      ['--idp-url <url>', 'issuer: exactly the iss of its ID tokens'],
      ['--client-id <id>', 'what Atelier is called there: one of the aud of its ID tokens'],
      ['--keys <file>', 'its public keys: the answer of its jwks_uri; - reads standard input'],
      new Option('--access-mode <mode>', 'for programs, or for browsers too').choices(['program', 'program_console']),
      ['--authorization-endpoint <url>', 'where browsers log in'],
      ['--scope <scopes>', 'what browsers ask for'],
    ],
    example:
      'iam provider config corp --idp-url https://sso.example.com/realms/corp --client-id atelier --keys jwks.json',
    operations: [api.showOidcConfig, api.createOidcConfig, api.updateOidcConfig],
    run: async ({ session, format }, [id], options) => printOne(format, await setConfig(session, id!, options)),
  },
  calling(api.deleteProtocol, {
    words: 'provider disconnect',
    about: 'take the mapping of a provider away: nobody comes in by it any more',
    args: theProvider,
    example: 'iam provider disconnect corp',
    destroys: true,
    input: (_names, [id]) => protocol(id),
    done: ([id]) => `Nobody comes in by ${id} any more.`,
  }),
  calling(api.listMappings, {
    words: 'mapping list',
    example: 'iam mapping list',
    rows: answer => answer.mappings,
    columns: mappingColumns,
  }),
  {
    words: 'mapping show',
    about: 'print the rules of a mapping',
    args: theMapping,
    example: 'iam mapping show corp-rules > rules.json',
    operations: [api.showMapping],
    async run({ session }, [mapping_id]) {
      const { mapping } = await session.call(api.showMapping, { params: { mapping_id: mapping_id! } });
      process.stdout.write(`${JSON.stringify(mapping.rules, null, 2)}\n`);
    },
  },
  ...([api.createMapping, api.updateMapping] as const).map(operation => {
    const word = operation === api.createMapping ? 'create' : 'update';
    return calling(operation as typeof api.updateMapping, {
      words: `mapping ${word}`,
      args: [...theMapping, rulesFile],
      example: `iam mapping ${word} corp-rules rules.json`,
      input: (_names, [mapping_id, file]) => ({
        params: { mapping_id: mapping_id! },
        body: { mapping: { rules: rulesOf(file!) } },
      }),
      done: ([id]) => `Mapping ${id} is ${word}d.`,
    });
  }),
  calling(api.deleteMapping, {
    words: 'mapping delete',
    args: theMapping,
    example: 'iam mapping delete corp-rules',
    destroys: true,
    input: (_names, [mapping_id]) => ({ params: { mapping_id: mapping_id! } }),
    done: ([id]) => `Mapping ${id} is deleted.`,
  }),
];
