import type { Clock } from '../../kernel/clock.ts';
import { Failure, isFailure } from '../../kernel/failure.ts';
import { ownerOf, type Principal } from '../../kernel/principal.ts';
import type { keyPairStore } from './key-pair.store.ts';
import { isKeyPairName, type KeyPair, NAME_FORM } from './key-pair.ts';
import { generateSshKey, type KeyAlgorithm, parsePublicKey } from './ssh-key.ts';

/** Key pairs that one user may make in a project. */
const MOST = 100;

export interface NewKeyPair {
  name: string;
  type?: string | null | undefined;
  public_key?: string | null | undefined;
  scope?: 'domain' | 'user' | null | undefined;
  user_id?: string | null | undefined;
  key_protection?: unknown;
  algorithm?: KeyAlgorithm | null | undefined;
}

/** A pair that was just made; the private key is shown this once and kept nowhere. */
export interface MadeKeyPair {
  pair: KeyPair;
  privateKey?: string;
}

export type KeyPairService = ReturnType<typeof keyPairService>;

function refuse(status: number, message: string, solution?: string): Failure {
  return new Failure({
    code: `KPS.0${status}`,
    status,
    message,
    ...(solution ? { solution } : {}),
  });
}

/** Use cases of key pairs (reference api/kps.json). */
export function keyPairService({ store, clock }: { store: ReturnType<typeof keyPairStore>; clock: Clock }) {
  const userOf = (principal: Principal) => ownerOf(principal).id;

  /** Throws Failure KPS.0404 when the caller sees none of the name. */
  async function get(principal: Principal, projectId: string, name: string): Promise<KeyPair> {
    const [found] = await store.list(projectId, userOf(principal), [name]);
    if (found) return found;
    throw refuse(404, `There is no key pair ${name.slice(0, 64)} that you may use.`);
  }

  return {
    get,
    list: (principal: Principal, projectId: string) => store.list(projectId, userOf(principal)),

    /** Takes in a public key, or makes a pair where none is given. */
    async create(principal: Principal, projectId: string, body: NewKeyPair): Promise<MadeKeyPair> {
      const { name } = body;
      if (!isKeyPairName(name)) throw refuse(400, `Parameter [keypair.name] must have ${NAME_FORM}.`);
      if (body.type && body.type !== 'ssh') {
        throw refuse(400, `Parameter [keypair.type] is "${body.type}"; only key pairs of type ssh are made here.`);
      }
      if (body.user_id && body.user_id !== userOf(principal)) {
        throw refuse(400, 'Parameter [keypair.user_id] names another user; a key pair is made by whoever uses it.');
      }
      if (body.key_protection) {
        throw refuse(
          400,
          'Parameter [keypair.key_protection]: private keys are not kept here.',
          'Leave it out, and keep the private key of the answer yourself.',
        );
      }
      const given = body.public_key ? parsePublicKey(body.public_key) : undefined;
      if (typeof given === 'string') throw refuse(400, `Parameter [keypair.public_key] ${given}`);
      const made = given ? undefined : await generateSshKey(body.algorithm ?? 'rsa', name);
      const key = given ?? made!.publicKey;
      const now = clock.now();
      const pair = await store.add(
        {
          accountId: principal.accountId,
          projectId,
          userId: userOf(principal),
          name,
          scope: body.scope ?? 'user',
          publicKey: key.text,
          fingerprint: key.fingerprint,
          description: '',
          createdAt: now,
          updatedAt: now,
        },
        MOST,
      );
      if (pair === 'taken') {
        throw refuse(409, `There is a key pair ${name} already.`, 'Choose another name, or delete that one first.');
      }
      if (pair === 'full') {
        throw refuse(403, `A user has at most ${MOST} key pairs.`, 'Delete some that are no longer used.');
      }
      return { pair, ...(made ? { privateKey: made.privateKey } : {}) };
    },

    /** Makes or takes in several, each for itself. */
    async createAll(principal: Principal, projectId: string, bodies: readonly NewKeyPair[]) {
      const succeeded: MadeKeyPair[] = [];
      const failed: { name: string; reason: string }[] = [];
      for (const body of bodies) {
        try {
          succeeded.push(await this.create(principal, projectId, body));
        } catch (error) {
          if (!isFailure(error)) throw error;
          failed.push({ name: body.name, reason: error.message });
        }
      }
      return { succeeded, failed };
    },

    async describe(principal: Principal, projectId: string, name: string, description: string): Promise<void> {
      if (description.length > 255) throw refuse(400, 'Parameter [keypair.description] has at most 255 characters.');
      await store.describe((await get(principal, projectId, name)).id, description, clock.now());
    },

    async remove(principal: Principal, projectId: string, name: string): Promise<void> {
      await store.remove((await get(principal, projectId, name)).id);
    },

    /**
     * The public keys of pairs that a user may use, by name, and the names of which there is none such: another user's is as good as none.
     */
    async publicKeys(
      projectId: string,
      userId: string,
      names: readonly string[],
    ): Promise<{ keys: Record<string, string>; missing: string[] }> {
      const found = names.length === 0 ? [] : await store.list(projectId, userId, names);
      const keys = Object.fromEntries(found.map(each => [each.name, each.publicKey]));
      return { keys, missing: names.filter(name => !Object.hasOwn(keys, name)) };
    },
  };
}
