import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { appendService } from './append.service.ts';
import type { multipartService } from './multipart.service.ts';
import type { objectService } from './object.service.ts';
import type { ObsPath } from './object.ts';
import type { SettingsStore } from './settings.store.ts';
import type { NotificationRule, NotificationSettings } from './settings.ts';

/** OBS' events, and S3's of what lifecycle rules do, which are nobody's requests. */
export type ObjectEventName =
  | 'ObjectCreated:Put'
  | 'ObjectCreated:Post'
  | 'ObjectCreated:Copy'
  | 'ObjectCreated:CompleteMultipartUpload'
  | 'ObjectRemoved:Delete'
  | 'ObjectRemoved:DeleteMarkerCreated'
  | 'LifecycleExpiration:Delete'
  | 'LifecycleExpiration:DeleteMarkerCreated'
  | 'LifecycleTransition';

/** What happened to an object, told after it is on disk. */
export interface ObjectEvent {
  name: ObjectEventName;
  /** Milliseconds. */
  at: number;
  key: string;
  size?: number;
  etag?: string;
  versionId?: string;
  by: { id: string; name: string; accountId: string };
}

/** Takes events of buckets that have notifications set; `rules` are those that the event meets. What it throws is logged. */
export type OnEvent = (bucket: string, event: ObjectEvent, rules: readonly NotificationRule[]) => void | Promise<void>;

/** Tells `onEvent` of what `by` did. */
export type TellEvent = (
  name: ObjectEventName,
  by: ObjectEvent['by'],
  path: ObsPath,
  info?: Pick<ObjectEvent, 'size' | 'etag' | 'versionId'>,
) => void;

/** Events go to `onEvent` where the bucket's notification document asks for them; nobody waits for it. */
export function eventTeller(deps: {
  settings: SettingsStore;
  clock: Clock;
  log: Log;
  onEvent: OnEvent | undefined;
}): TellEvent {
  const { settings, clock, log, onEvent } = deps;
  return (name, by, path, info = {}) => {
    if (!onEvent) return;
    const { id, accountId } = by;
    const event: ObjectEvent = { name, at: clock.now(), key: path.key, by: { id, name: by.name, accountId } };
    const { size, etag, versionId } = info;
    if (size !== undefined) event.size = size;
    if (etag !== undefined) event.etag = etag;
    if (versionId !== undefined) event.versionId = versionId;
    const tell = async () => {
      const found = (await settings.having('notification')).get(path.bucket);
      const rules = found ? rulesFor(found.value, event) : [];
      if (rules.length > 0) await onEvent(path.bucket, event, rules);
    };
    tell().catch(error => log.error({ err: error, bucket: path.bucket, event: name }, 'an event could not be told'));
  };
}

/** The configurations that an event meets, by name, prefix and suffix. */
export function rulesFor(settings: NotificationSettings, event: { name: string; key: string }): NotificationRule[] {
  const kind = `${event.name.split(':')[0]}:*`;
  return [...(settings.TopicConfiguration ?? []), ...(settings.FunctionGraphConfiguration ?? [])].filter(
    rule =>
      rule.Event.some(wanted => wanted === event.name || wanted === kind) &&
      (rule.Filter?.Object?.FilterRule ?? []).every(({ Name, Value }) =>
        Name.toLowerCase() === 'prefix' ? event.key.startsWith(Value) : event.key.endsWith(Value),
      ),
  );
}

type ObjectUseCases = ReturnType<typeof objectService>;
type MultipartUseCases = ReturnType<typeof multipartService>;
type AppendUseCases = ReturnType<typeof appendService>;

/** The same use cases, which tell what they did. */
export function tellingObjects(objects: ObjectUseCases, tell: TellEvent): ObjectUseCases {
  return {
    ...objects,
    async put(...given) {
      const info = await objects.put(...given);
      tell(`ObjectCreated:${given[3]?.via ?? 'Put'}`, given[0], given[1], info);
      return info;
    },
    async copy(...given) {
      const info = await objects.copy(...given);
      tell('ObjectCreated:Copy', given[0], given[2], info);
      return info;
    },
    async remove(...given) {
      const removed = await objects.remove(...given);
      // A marker that is deleted is a version like any other.
      const marked = removed.deleteMarker && given[2] === undefined;
      const { versionId } = removed;
      const info = versionId === undefined ? {} : { versionId };
      tell(`ObjectRemoved:${marked ? 'DeleteMarkerCreated' : 'Delete'}`, given[0], given[1], info);
      return removed;
    },
  };
}

/** The same use cases, which tell what they did. */
export function tellingMultipart(multipart: MultipartUseCases, tell: TellEvent): MultipartUseCases {
  return {
    ...multipart,
    async complete(...given) {
      const info = await multipart.complete(...given);
      tell('ObjectCreated:CompleteMultipartUpload', given[0], given[1], info);
      return info;
    },
  };
}

/** The same use cases, which tell what they did: appending is a POST, for which OBS has no event of its own. */
export function tellingAppend(appending: AppendUseCases, tell: TellEvent): AppendUseCases {
  return {
    async append(...given) {
      const info = await appending.append(...given);
      tell('ObjectCreated:Post', given[0], given[1], info);
      return info;
    },
  };
}
