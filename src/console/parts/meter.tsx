/** How much of something is used, as a bar beside the numbers; without a limit, the number alone. */
export function Meter(props: {
  label: string;
  used: number | undefined;
  limit: number | null | undefined;
  none: string;
}) {
  const { label, used, limit, none } = props;
  const known = used === undefined ? '–' : String(Number(used.toFixed(2)));
  const text = `${known} / ${limit === null || limit === undefined ? none : Number(limit.toFixed(2))}`;
  if (used === undefined || !limit) return text;
  const share = Math.min(used / limit, 1);
  return (
    <span className="meter">
      <span>{text}</span>
      <span
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={limit}
        aria-valuenow={used}
        aria-valuetext={text}
        className={share >= 0.9 ? 'bar full' : 'bar'}
      >
        <span style={{ width: `${share * 100}%` }} />
      </span>
    </span>
  );
}
