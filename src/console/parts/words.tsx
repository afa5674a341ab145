import { useSettings } from '../settings.ts';
import { STATES_ZH } from '../texts/states-zh.ts';

const TONES: Record<string, string> = {
  Completed: 'good',
  Running: 'busy',
  Creating: 'busy',
  Pending: 'wait',
  Terminating: 'wait',
  Failed: 'bad',
  Abnormal: 'bad',
  // models and services
  published: 'good',
  publishing: 'busy',
  building: 'busy',
  building_failed: 'bad',
  running: 'good',
  ready: 'good',
  deploying: 'busy',
  starting: 'busy',
  concerning: 'wait',
  pending: 'wait',
  waiting: 'wait',
  stopping: 'wait',
  deleting: 'wait',
  notReady: 'wait',
  failed: 'bad',
  unhealthy: 'bad',
  SUCCESS: 'good',
  FAIL: 'bad',
  // workspaces
  NORMAL: 'good',
  // notebooks
  RUNNING: 'good',
  CREATING: 'busy',
  INIT: 'busy',
  STARTING: 'busy',
  SNAPSHOTTING: 'busy',
  STOPPING: 'wait',
  DELETING: 'wait',
  CREATE_FAILED: 'bad',
  START_FAILED: 'bad',
  DELETE_FAILED: 'bad',
  ERROR: 'bad',
  // their storage, their progress, images
  MOUNTED: 'good',
  MOUNTING: 'busy',
  MOUNT_FAILED: 'bad',
  UNMOUNT_FAILED: 'bad',
  COMPLETED: 'good',
  PROCESSING: 'busy',
  FAILED: 'bad',
  ACTIVE: 'good',
  // pools and networks
  Active: 'good',
  Available: 'good',
  Deleting: 'wait',
  Queue: 'wait',
};

/** A state in ModelArts' own word, in Chinese as its console says it. */
export function useStateText(): (value: string) => string {
  const { language } = useSettings();
  return value => (language === 'zh' ? (STATES_ZH[value.toLowerCase()] ?? value) : value);
}

/** The same with a colour besides. */
export function State({ value }: { value: string }) {
  const textOf = useStateText();
  return <span className={`state ${TONES[value] ?? ''}`}>{textOf(value)}</span>;
}

/** In columns of a table there is no room for the characters of year, month and day. */
const TIMES = {
  en: new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' }),
  zh: new Intl.DateTimeFormat('zh-CN', {
    ...{ year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  }),
};

/** A time in milliseconds since the epoch, as the language writes it. */
export function Time({ at }: { at: number | string }) {
  const { language } = useSettings();
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return null;
  return <time dateTime={date.toISOString()}>{TIMES[language].format(date)}</time>;
}

/** A duration in milliseconds: `1 h 2 min 3 s`. */
export function durationText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const shown = parts.filter(([amount], at) => amount > 0 || at === 2);
  return shown.map(([amount, unit]) => `${amount} ${unit}`).join(' ');
}

/** A size in bytes, in the largest unit of 1024 that it fills: `1.5 MiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const at = bytes < 1 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  return `${Number((bytes / 1024 ** at).toFixed(1))} ${units[at]}`;
}

/** How long a job ran; a dash where it has not begun. */
export function ranFor(status: { start_time: number; duration: number }): string {
  return status.start_time === 0 ? '–' : durationText(status.duration);
}
