import { AclEditor } from './acl-editor.tsx';
import { PolicyEditor } from './policy-editor.tsx';

/** Who may use a bucket besides those whom IAM allows. */
export function PermissionsTab({ bucket }: { bucket: string }) {
  return (
    <div className="stack">
      <PolicyEditor bucket={bucket} />
      <AclEditor bucket={bucket} />
    </div>
  );
}
