import { Breadcrumb } from 'antd';

/** Where one is: the bucket and each folder on the way, to go back to. `root` and `leave`: what is above buckets. */
export function Trail(props: {
  bucket: string;
  prefix: string;
  enter(folder: string): void;
  root?: string;
  leave?: () => void;
}) {
  const { bucket, prefix, enter, root, leave } = props;
  const names = prefix.split('/').slice(0, -1);
  const folders = names.map((name, at) => ({
    name: name || '/',
    go: () =>
      enter(
        names
          .slice(0, at + 1)
          .join('/')
          .concat('/'),
      ),
  }));
  const steps = [
    ...(root && leave ? [{ name: root, go: leave }] : []),
    ...(bucket === '' ? [] : [{ name: bucket, go: () => enter('') }, ...folders]),
  ];
  return (
    <Breadcrumb
      items={steps.map(({ name, go }, at) => ({
        key: at,
        title:
          at === steps.length - 1 ? (
            <span aria-current="location">{name}</span>
          ) : (
            <button type="button" className="link" onClick={go}>
              {name}
            </button>
          ),
      }))}
    />
  );
}
